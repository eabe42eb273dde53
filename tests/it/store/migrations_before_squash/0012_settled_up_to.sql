-- How far a deal is settled is one number for each deal, instead of a mark on each of its signups: finding and marking them
-- took half of a chunk's time.
--
-- It can be one number because signups of a deal have their `rev` in the order in which they were committed (each was given
-- under the deal's lock), and because nobody leaves a deal that is on.

CREATE TABLE settling (
    deal        uuid   PRIMARY KEY,
    -- Every active signup up to this version has all its coupons.
    settled_rev bigint NOT NULL
);

-- What was settled before has its mark, and keeps it: `signups_to_settle` is without it, so it never comes again. Nothing
-- writes marks any more. A node of the version before settles nothing from now on; the new ones do.
DROP FUNCTION settle_signups(uuid[], uuid[], integer[], uuid[], bytea[], smallint);
DROP FUNCTION mark_settled_signups(uuid[], uuid[]);

-- Issues the coupons of a chunk of signups, given as one entry per coupon, and notes that their deals are settled so far:
-- `to_revs`, if they were settled up to `from_revs` before. Of a deal that another settler is at, or has settled any further,
-- nothing is issued; so it may be killed anywhere, called twice, and run on every node. Answers how many coupons it issued.
CREATE FUNCTION settle_signups(
    settled_deals uuid[], from_revs bigint[], to_revs bigint[],
    deal_ids uuid[], signup_ids uuid[], buyer_ids uuid[], ordinals integer[], coupon_ids uuid[], lookups bytea[],
    with_key smallint)
    RETURNS bigint
    LANGUAGE plpgsql VOLATILE
    -- As in `commit_signups`: a plan from when the tables were empty must not scan them for ever.
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
        INSERT INTO coupons (deal, signup, ordinal, id, buyer, key_id, issued_at)
        SELECT i.deal, i.signup, i.ordinal, i.coupon, i.buyer, with_key, at FROM issued AS i
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

-- Notes which ended deals have nothing left to settle. Locks in the order of ids; a deal that is locked waits for the next call.
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
