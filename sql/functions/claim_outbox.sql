-- Claims up to `most` due messages for delivery.
--
-- Returns  one row for each message: id, key, kind, deal, signup, the recipient's e-mail address and name, the deal's title, and
--          the number of attempts including this one; `email` and `name` are NULL if the account is gone
-- Locks    the messages, and skips those that another worker has locked
-- Writes   outbox: `next_at` becomes the time of the next attempt
--
-- A claim is a lease: a message whose worker dies becomes due again. Attempts back off exponentially with jitter, and after
-- twelve of them the message is parked. A message is sent at least once; its key lets a receiver drop a repetition.

CREATE OR REPLACE FUNCTION claim_outbox(most integer)
    RETURNS TABLE (id bigint, key text, kind text, deal uuid, signup uuid, email text, name text, title text, attempts integer)
    LANGUAGE sql VOLATILE
    AS $$
    WITH due AS (
        SELECT o.id FROM outbox AS o
         WHERE o.account IS NOT NULL AND o.delivered_at IS NULL AND o.parked_at IS NULL AND o.next_at <= muster_now()
         ORDER BY o.next_at LIMIT most
           FOR UPDATE SKIP LOCKED
    ), claimed AS (
        UPDATE outbox AS o
           SET attempts = o.attempts + 1,
               next_at = muster_now() + interval '30 seconds' * power(2, least(o.attempts, 10)) * (1 + random() / 2),
               parked_at = CASE WHEN o.attempts + 1 > 12 THEN muster_now() END
          FROM due WHERE o.id = due.id
        RETURNING o.*
    )
    SELECT c.id, c.key, c.kind, c.deal, c.signup, a.email, a.name, d.title, c.attempts
      FROM claimed AS c
      JOIN deals AS d ON d.id = c.deal
      LEFT JOIN accounts AS a ON a.id = c.account
     WHERE c.parked_at IS NULL
$$;
