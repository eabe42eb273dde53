-- Ends up to `most` deals whose window is over: tipped deals succeed, the others fail.
--
-- Returns  the deals that it ended, as they became
-- Locks    them in the order of their ids, and skips a deal that is locked: the next call ends it
-- Writes   deals, outbox (for each deal that failed)

CREATE OR REPLACE FUNCTION close_due_deals(most integer) RETURNS SETOF deal_change
    LANGUAGE plpgsql VOLATILE
    AS $$
DECLARE
    due uuid[];
    at  timestamptz;
BEGIN
    due := ARRAY(
        SELECT l.id FROM (
            SELECT d.id FROM deals AS d
             WHERE d.state IN ('open', 'tipped') AND d.closes_at <= muster_now()
             ORDER BY d.id LIMIT most
               FOR NO KEY UPDATE SKIP LOCKED) AS l);
    at := muster_now();
    RETURN QUERY
        WITH ended AS (
            UPDATE deals AS d
               SET state = CASE d.state WHEN 'tipped' THEN 'succeeded' ELSE 'failed' END,
                   ended_at = at, changed_at = at, rev = d.rev + 1, version = d.version + 1
             WHERE d.id = ANY (due)
            RETURNING d AS became
        ), told AS (
            INSERT INTO outbox (key, kind, deal)
            SELECT 'fail:' || (e.became).id, 'deal_failed', (e.became).id FROM ended AS e WHERE (e.became).state = 'failed'
        )
        SELECT c.* FROM ended AS e CROSS JOIN LATERAL deal_changed('ok', e.became, (e.became).rev - 1) AS c;
END
$$;
