-- Issues the coupons of a chunk of signups, and records how far their deals are settled.
--
-- Arguments
--   settled_deals, from_revs, to_revs   one element for each deal: it is settled up to `from_rev`, and will be up to `to_rev`
--   deal_ids, signup_ids, buyer_ids, ordinals, coupon_ids, lookups   one element for each coupon
--   with_key, with_form                 the key that made the codes, and their form
-- Returns  how many coupons it issued
-- Locks    the deals' rows of `settling`, in the order of their ids; it skips a deal that another settler has locked
-- Writes   settling, coupons, coupon_codes, outbox (one message for each signup)
--
-- It issues nothing for a deal that is not settled exactly up to `from_rev`. So a settler may be killed anywhere, may call this
-- twice, and may run on every node. Sequential scans are off, because a cached plan may date from when the tables were empty.

CREATE OR REPLACE FUNCTION issue_coupons(
    settled_deals uuid[], from_revs bigint[], to_revs bigint[],
    deal_ids uuid[], signup_ids uuid[], buyer_ids uuid[], ordinals integer[], coupon_ids uuid[], lookups bytea[],
    with_key smallint, with_form smallint)
    RETURNS bigint
    LANGUAGE plpgsql VOLATILE
    SET enable_seqscan = off
    SET enable_bitmapscan = off
    SET jit = off
    AS $$
DECLARE
    at             timestamptz := muster_now();
    ours           uuid[];
    coupons_issued bigint;
BEGIN
    ours := ARRAY(
        SELECT t.deal
          FROM unnest(settled_deals, from_revs) AS c (deal, from_rev)
          JOIN settling AS t ON t.deal = c.deal AND t.settled_rev = c.from_rev
          JOIN deals AS d ON d.id = c.deal AND d.tipped_at IS NOT NULL AND d.state <> 'withdrawn'
         ORDER BY t.deal
           FOR NO KEY UPDATE OF t SKIP LOCKED);
    IF cardinality(ours) = 0 THEN
        RETURN 0;
    END IF;
    UPDATE settling AS t SET settled_rev = c.to_rev
      FROM unnest(settled_deals, to_revs) AS c (deal, to_rev)
     WHERE t.deal = c.deal AND t.deal = ANY (ours);
    WITH issued AS MATERIALIZED (
        SELECT n.deal, n.signup, n.buyer, n.ordinal, n.coupon, n.lookup
          FROM unnest(deal_ids, signup_ids, buyer_ids, ordinals, coupon_ids, lookups)
               AS n (deal, signup, buyer, ordinal, coupon, lookup)
          JOIN unnest(ours) AS o (deal) ON o.deal = n.deal
    ), put AS (
        INSERT INTO coupons (deal, signup, ordinal, id, buyer, key_id, form, issued_at)
        SELECT i.deal, i.signup, i.ordinal, i.coupon, i.buyer, with_key, with_form, at FROM issued AS i
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
