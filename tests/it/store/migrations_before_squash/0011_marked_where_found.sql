-- `mark_settled_signups` again: what was found and locked is marked where it is, and not looked for a second time.
-- A tenth more coupons a second.

CREATE OR REPLACE FUNCTION mark_settled_signups(deal_ids uuid[], signup_ids uuid[])
    RETURNS TABLE (deal uuid, signup uuid, buyer uuid, settled_at timestamptz)
    LANGUAGE plpgsql VOLATILE
    -- As in `commit_signups`: a plan from when the table was empty must not scan it for ever.
    SET enable_nestloop = on
    SET enable_seqscan = off
    SET enable_bitmapscan = off
    SET enable_hashjoin = off
    SET enable_mergejoin = off
    -- No signup is looked for twice.
    SET enable_memoize = off
    SET jit = off
    AS $$
#variable_conflict use_column
DECLARE
    at timestamptz := muster_now();
BEGIN
    RETURN QUERY
    WITH wanted AS (
        SELECT DISTINCT n.deal, n.signup FROM unnest(deal_ids, signup_ids) AS n (deal, signup)
    ), ready AS (
        SELECT s.ctid AS place
          FROM wanted AS w
          JOIN signups AS s ON s.deal = w.deal AND s.id = w.signup
          JOIN deals AS d ON d.id = s.deal AND d.tipped_at IS NOT NULL AND d.state <> 'withdrawn'
         -- Said so that only the primary key fits: the index of what waits would be walked through for each signup.
         WHERE coalesce(s.settled_at, 'infinity') = 'infinity' AND s.state = 'active'
         ORDER BY s.deal, s.id
           FOR NO KEY UPDATE OF s SKIP LOCKED
    )
    -- They are locked, so they stay where they are.
    UPDATE signups AS s SET settled_at = at
      FROM ready AS r
     WHERE s.ctid = r.place
    RETURNING s.deal, s.id, s.buyer, s.settled_at;
END
$$;
