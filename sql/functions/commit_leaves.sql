-- Records a batch of leaves. A buyer can leave while the deal is open and its window is not over; leaving twice is the same as once.
--
-- Arguments, one element of each for each request
--   ids, deal_ids, buyer_ids   the signup, its deal, and the buyer that it must belong to
-- Returns one row for each request, with `ord` from 1
--   outcome    left            left now, or before
--              no_such_signup  not a signup of this buyer in this deal
--              already_tipped  the deal has tipped
--              closed          the deal is over, or its window is
--   buyer_units, buyer_rev     as in `commit_signups`
-- and one row for each deal with outcome `figures`, as in `commit_signups`
-- Locks     its deals, in the order of their ids
-- Writes    signups, deals
--
-- The buyer's newest signup holds their units in the deal, so a leave also updates that row if an older signup is left.

CREATE OR REPLACE FUNCTION commit_leaves(ids uuid[], deal_ids uuid[], buyer_ids uuid[])
    RETURNS TABLE (
        ord integer, outcome text, deal uuid, buyer_units integer, buyer_rev bigint,
        epoch bigint, rev bigint, rev_before bigint, state text, buyers integer, units integer,
        tipping_point integer, cap integer, opens_at timestamptz, closes_at timestamptz, decided_at timestamptz)
    LANGUAGE plpgsql VOLATILE
    AS $$
#variable_conflict use_column
DECLARE
    this_epoch bigint;
    at         timestamptz;
    request    record;
    holds      integer;
    was        record;
    became     deals%ROWTYPE;
BEGIN
    IF cardinality(ids) <> cardinality(deal_ids) OR cardinality(ids) <> cardinality(buyer_ids) THEN
        RAISE EXCEPTION 'commit_leaves: arrays of unequal length' USING ERRCODE = '22023';
    END IF;
    PERFORM 1 FROM deals AS d WHERE d.id = ANY (deal_ids) ORDER BY d.id FOR NO KEY UPDATE;
    at := muster_now();
    this_epoch := (SELECT e.epoch FROM epoch AS e WHERE e.only_row);
    decided_at := at;

    -- One by one: leaves are rare, and each must see what the one before it wrote.
    FOR request IN
        SELECT t.ord::integer AS ord, t.id, t.deal, t.buyer
          FROM unnest(ids, deal_ids, buyer_ids) WITH ORDINALITY AS t (id, deal, buyer, ord)
         ORDER BY t.ord
    LOOP
        ord := request.ord;
        deal := request.deal;
        SELECT d.state, d.rev, d.closes_at, s.state AS signup_state, s.units INTO was
          FROM deals AS d
          LEFT JOIN signups AS s ON s.deal = d.id AND s.id = request.id AND s.buyer = request.buyer
         WHERE d.id = request.deal;
        outcome := CASE
            WHEN was.signup_state IS NULL THEN 'no_such_signup'
            WHEN was.signup_state = 'left' THEN 'left'
            WHEN was.state IN ('tipped', 'succeeded') THEN 'already_tipped'
            WHEN was.state <> 'open' OR at >= was.closes_at THEN 'closed'
            ELSE 'left' END;
        IF outcome = 'left' AND was.signup_state = 'active' THEN
            UPDATE signups AS s SET state = 'left', left_at = at WHERE s.deal = request.deal AND s.id = request.id;
            UPDATE signups AS s SET held = s.held - was.units, held_rev = was.rev + 1
             WHERE s.deal = request.deal AND s.rev = (SELECT max(n.rev) FROM signups AS n
                                                       WHERE n.buyer = request.buyer AND n.deal = request.deal)
            RETURNING s.held INTO holds;
            UPDATE deals AS d
               SET rev = d.rev + 1, units = d.units - was.units, buyers = d.buyers - (holds = 0)::integer, changed_at = at
             WHERE d.id = request.deal;
        END IF;
        SELECT n.held, n.held_rev INTO buyer_units, buyer_rev
          FROM signups AS n WHERE n.buyer = request.buyer AND n.deal = request.deal
         ORDER BY n.rev DESC LIMIT 1;
        RETURN NEXT;
    END LOOP;

    ord := 0;
    outcome := 'figures';
    buyer_units := NULL;
    buyer_rev := NULL;
    FOR became IN SELECT d.* FROM deals AS d WHERE d.id = ANY (deal_ids) ORDER BY d.id LOOP
        deal := became.id;
        epoch := this_epoch;
        rev := became.rev;
        -- Each accepted leave raised the deal's `rev` by one; a leave that changed nothing did not.
        rev_before := became.rev - (
            SELECT count(*) FROM signups AS s
             WHERE s.deal = became.id AND s.id = ANY (ids) AND s.left_at = at);
        state := became.state;
        buyers := became.buyers;
        units := became.units;
        tipping_point := became.tipping_point;
        cap := became.cap;
        opens_at := became.opens_at;
        closes_at := became.closes_at;
        RETURN NEXT;
    END LOOP;
END
$$;
