-- The outbox's worker. Any number of them may run; each may be killed anywhere. A message is sent at least once, and carries
-- the row's key so that a receiver can tell a repetition.

-- Expands one due event by a chunk of buyers. Answers the rows made; NULL when no event is due.
CREATE FUNCTION expand_outbox(chunk integer) RETURNS bigint
    LANGUAGE plpgsql VOLATILE
    AS $$
DECLARE
    event outbox%ROWTYPE;
    last  uuid;
    made  bigint;
BEGIN
    SELECT o.* INTO event FROM outbox AS o
     WHERE o.account IS NULL AND o.delivered_at IS NULL AND o.parked_at IS NULL AND o.next_at <= muster_now()
     ORDER BY o.next_at LIMIT 1
       FOR UPDATE SKIP LOCKED;
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    WITH next_buyers AS (
        SELECT b.buyer FROM deal_buyers AS b
         WHERE b.deal = event.deal AND b.units > 0 AND (event.expanded_to IS NULL OR b.buyer > event.expanded_to)
         ORDER BY b.buyer LIMIT chunk
    ), put AS (
        INSERT INTO outbox (key, kind, deal, account)
        SELECT event.key || ':' || n.buyer, event.kind, event.deal, n.buyer FROM next_buyers AS n
            ON CONFLICT (key) DO NOTHING
    )
    SELECT max(n.buyer::text)::uuid, count(*) INTO last, made FROM next_buyers AS n;
    UPDATE outbox AS o
       SET expanded_to = coalesce(last, o.expanded_to),
           delivered_at = CASE WHEN made < chunk THEN muster_now() END
     WHERE o.id = event.id;
    RETURN made;
END
$$;

-- Takes up to `most` messages that are due, for as long as the lease lasts: a worker that dies gives them back by itself.
-- `next_at` already is the time of the next attempt, should this one not be reported: backoff with jitter, and after twelve
-- attempts the message is parked.
CREATE FUNCTION claim_outbox(most integer)
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
