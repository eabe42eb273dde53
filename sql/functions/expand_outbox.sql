-- Expands one due event into messages for the next `chunk` buyers of its deal.
--
-- Returns  how many buyers it took; NULL if no event is due
-- Locks    the event, and skips events that another worker has locked
-- Writes   outbox
--
-- It notes the last buyer in the same transaction. So a worker may be killed anywhere, and the next call goes on from there.

CREATE OR REPLACE FUNCTION expand_outbox(chunk integer) RETURNS bigint
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
