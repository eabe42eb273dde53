-- `settle_signups` again: what a call issues coupons for is what it marked itself.
--
-- It went by the time of the mark. Two settlers whose clocks read the same microsecond took each other's signups for their own
-- as soon as the other had committed, and failed on coupons that were there. The second of them did nothing then and
-- tried again; nothing was ever doubled, but seeding, which does not try again, ended. Also one pass over the signups instead of four.

-- Marks those of these signups that wait for their coupons and that no other settler has locked; answers them. A signup may
-- be named several times.
CREATE FUNCTION mark_settled_signups(deal_ids uuid[], signup_ids uuid[])
    RETURNS TABLE (deal uuid, signup uuid, buyer uuid, settled_at timestamptz)
    LANGUAGE plpgsql VOLATILE
    -- As in `commit_signups`: a plan from when the table was empty must not scan it for ever.
    SET enable_nestloop = on
    SET enable_seqscan = off
    SET enable_hashjoin = off
    SET enable_mergejoin = off
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
        SELECT s.deal, s.id
          FROM wanted AS w
          JOIN signups AS s ON s.deal = w.deal AND s.id = w.signup
          JOIN deals AS d ON d.id = s.deal AND d.tipped_at IS NOT NULL AND d.state <> 'withdrawn'
         -- Said so that only the primary key fits: the index of what waits would be walked through for each signup.
         WHERE coalesce(s.settled_at, 'infinity') = 'infinity' AND s.state = 'active'
         ORDER BY s.deal, s.id
           FOR NO KEY UPDATE OF s SKIP LOCKED
    )
    UPDATE signups AS s SET settled_at = at
      FROM ready AS r
     WHERE s.deal = r.deal AND s.id = r.id
    RETURNING s.deal, s.id, s.buyer, s.settled_at;
END
$$;

-- Issues the coupons of a chunk of signups, given as one entry per coupon. Signups that another settler has locked, or
-- that are settled, are passed over; so it may be killed anywhere, called twice, and run on every node.
-- Answers how many coupons it issued.
CREATE OR REPLACE FUNCTION settle_signups(deal_ids uuid[], signup_ids uuid[], ordinals integer[], coupon_ids uuid[], lookups bytea[], with_key smallint)
    RETURNS bigint
    LANGUAGE plpgsql VOLATILE
    -- What is joined here is as large as the chunk, never as a table.
    SET enable_nestloop = off
    SET enable_seqscan = on
    SET enable_hashjoin = on
    SET enable_mergejoin = on
    SET jit = off
    AS $$
DECLARE
    coupons_issued bigint;
BEGIN
    WITH issued AS MATERIALIZED (
        SELECT n.deal, n.signup, n.ordinal, n.coupon, n.lookup, m.buyer, m.settled_at
          FROM unnest(deal_ids, signup_ids, ordinals, coupon_ids, lookups) AS n (deal, signup, ordinal, coupon, lookup)
          JOIN mark_settled_signups(deal_ids, signup_ids) AS m ON m.deal = n.deal AND m.signup = n.signup
    ), put AS (
        INSERT INTO coupons (deal, signup, ordinal, id, buyer, key_id, issued_at)
        SELECT i.deal, i.signup, i.ordinal, i.coupon, i.buyer, with_key, i.settled_at FROM issued AS i
    ), found_by AS (
        INSERT INTO coupon_codes (lookup, deal, signup, ordinal)
        SELECT i.lookup, i.deal, i.signup, i.ordinal FROM issued AS i
    ), told AS (
        INSERT INTO outbox (key, kind, deal, account, signup)
        SELECT 'coupon:' || i.signup, 'coupon_ready', i.deal, i.buyer, i.signup FROM issued AS i WHERE i.ordinal = 1
    )
    SELECT count(*) INTO coupons_issued FROM issued;
    RETURN coupons_issued;
END
$$;
