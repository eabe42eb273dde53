-- Sets `all_settled_at` on deals that succeeded and have nothing left to settle, so that the settler skips them.
--
-- Locks    them in the order of their ids, and skips a deal that is locked: the next call marks it

CREATE OR REPLACE FUNCTION mark_settled_deals() RETURNS void
    LANGUAGE sql VOLATILE
    AS $$
    WITH done AS (
        SELECT d.id FROM deals AS d
          LEFT JOIN settling AS t ON t.deal = d.id
         WHERE d.tipped_at IS NOT NULL AND d.all_settled_at IS NULL AND d.state = 'succeeded'
           AND NOT EXISTS (SELECT 1 FROM signups AS s
                            WHERE s.deal = d.id AND s.rev > coalesce(t.settled_rev, 0)
                              AND s.settled_at IS NULL AND s.state = 'active')
         ORDER BY d.id
           FOR NO KEY UPDATE OF d SKIP LOCKED
    )
    UPDATE deals AS d SET all_settled_at = muster_now() FROM done WHERE d.id = done.id
$$;
