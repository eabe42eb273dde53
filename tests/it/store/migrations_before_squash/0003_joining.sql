-- The two functions that change who is in a deal. Nothing else writes signups, deal_buyers or a deal's figures.
--
-- Each locks its deals in the order of their ids (every writer of deals does, so none can deadlock), then reads the clock,
-- then reads what it checks: being VOLATILE, each statement sees what was committed while the lock was awaited. One clever
-- statement would check on the snapshot from before the wait, and let a buyer have more than the limit.
--
-- Their plans are cached per connection. Made while the tables were empty they would scan them for ever, so scans and the
-- joins that need them are switched off for these functions; so is JIT, which the cost of a switched-off plan would trigger:
-- it took 8 ms of a 1 ms call.

-- Records a batch of joins. Counts cumulatively inside the batch, per deal and per buyer; one refused row does not touch
-- the others. Sending the same batch again answers `replay` where the first call had answered `ok`.
--
-- Answers one row for each request (`ord` from 1), and after a deal's requests one row with outcome `figures` for it.
-- `bound` is the number that a refusal tells: units available, or the per-buyer limit. `buyer_units` and `buyer_rev` are the
-- buyer's absolute units after the request, NULL if the buyer never had a signup in the deal.
CREATE FUNCTION commit_signups(ids uuid[], deal_ids uuid[], buyer_ids uuid[], wanted integer[])
    RETURNS TABLE (
        ord integer, outcome text, deal uuid, number integer, signup_state text, bound integer,
        buyer_units integer, buyer_rev bigint,
        epoch bigint, rev bigint, rev_before bigint, state text, buyers integer, units integer,
        tipping_point integer, cap integer, closes_at timestamptz, decided_at timestamptz)
    LANGUAGE plpgsql VOLATILE
    SET enable_seqscan = off
    SET enable_hashjoin = off
    SET enable_mergejoin = off
    SET jit = off
    AS $$
#variable_conflict use_column
DECLARE
    this_epoch    bigint;
    at            timestamptz;
    request       record;
    -- The deal whose requests are being decided, and its figures as they become.
    of            record;
    -- By slot: a dense number of each different buyer, and of each different signup, in the batch.
    slot_units    integer[];
    slot_rev      bigint[];
    slot_deal     uuid[];
    slot_buyer    uuid[];
    taken_units   integer[];
    taken_number  integer[];
    -- What is to be written.
    new_ids       uuid[] := '{}';
    new_deals     uuid[] := '{}';
    new_buyers    uuid[] := '{}';
    new_units     integer[] := '{}';
    new_numbers   integer[] := '{}';
    new_revs      bigint[] := '{}';
    deal_ids_new  uuid[] := '{}';
    deal_revs     bigint[] := '{}';
    deal_buyers_n integer[] := '{}';
    deal_units_n  integer[] := '{}';
    deal_tipped   boolean[] := '{}';
    holds         integer;
    is_new        boolean;
    available     integer;
BEGIN
    IF cardinality(ids) <> cardinality(deal_ids) OR cardinality(ids) <> cardinality(buyer_ids)
       OR cardinality(ids) <> cardinality(wanted) THEN
        RAISE EXCEPTION 'commit_signups: arrays of unequal length' USING ERRCODE = '22023';
    END IF;
    PERFORM 1 FROM deals AS d WHERE d.id = ANY (deal_ids) ORDER BY d.id FOR NO KEY UPDATE;
    at := muster_now();
    this_epoch := (SELECT e.epoch FROM epoch AS e WHERE e.only_row);
    slot_units := array_fill(NULL::integer, ARRAY[cardinality(ids)]);
    slot_rev := array_fill(NULL::bigint, ARRAY[cardinality(ids)]);
    slot_deal := array_fill(NULL::uuid, ARRAY[cardinality(ids)]);
    slot_buyer := array_fill(NULL::uuid, ARRAY[cardinality(ids)]);
    taken_units := slot_units;
    taken_number := slot_units;

    FOR request IN
        SELECT t.ord::integer AS ord, t.id, t.deal, t.buyer, t.units,
               d.id AS deal_id, d.state, d.rev, d.buyers, d.units AS deal_units, d.tipping_point, d.cap, d.per_buyer_max,
               d.opens_at, d.closes_at,
               s.units AS had_units, s.number AS had_number, s.state AS had_state,
               b.units AS held_units, b.rev AS held_rev,
               dense_rank() OVER (ORDER BY t.deal, t.buyer)::integer AS buyer_slot,
               dense_rank() OVER (ORDER BY t.deal, t.id)::integer AS signup_slot,
               row_number() OVER (PARTITION BY t.deal ORDER BY t.ord) = 1 AS is_first,
               row_number() OVER (PARTITION BY t.deal ORDER BY t.ord DESC) = 1 AS is_last
          FROM unnest(ids, deal_ids, buyer_ids, wanted) WITH ORDINALITY AS t (id, deal, buyer, units, ord)
          LEFT JOIN deals AS d ON d.id = t.deal
          LEFT JOIN signups AS s ON s.deal = t.deal AND s.id = t.id
          LEFT JOIN deal_buyers AS b ON b.deal = t.deal AND b.buyer = t.buyer
         ORDER BY t.deal, t.ord
    LOOP
        IF request.is_first THEN
            of := request;
        END IF;
        ord := request.ord;
        deal := request.deal;
        decided_at := at;
        number := NULL;
        signup_state := NULL;
        bound := NULL;
        -- What this buyer holds now, requests of this batch included.
        holds := coalesce(slot_units[request.buyer_slot], request.held_units, 0);
        is_new := holds = 0;

        IF coalesce(request.had_units, taken_units[request.signup_slot]) IS NOT NULL THEN
            number := coalesce(request.had_number, taken_number[request.signup_slot]);
            signup_state := coalesce(request.had_state, 'active');
            outcome := CASE WHEN coalesce(request.had_units, taken_units[request.signup_slot]) = request.units
                            THEN 'replay' ELSE 'key_reused' END;
        ELSIF request.deal_id IS NULL OR of.state = 'draft' THEN
            outcome := 'no_such_deal';
        ELSIF of.state NOT IN ('open', 'tipped') OR at >= of.closes_at THEN
            outcome := 'closed';
        ELSIF at < of.opens_at THEN
            outcome := 'not_open';
        ELSIF holds + request.units > of.per_buyer_max THEN
            outcome := 'buyer_limit';
            bound := of.per_buyer_max;
        ELSE
            -- While the deal is open, as many units must stay free as buyers are still needed after this join.
            available := of.cap - of.deal_units - CASE
                WHEN of.state = 'open' THEN greatest(0, of.tipping_point - of.buyers - is_new::integer) ELSE 0 END;
            IF of.deal_units >= of.cap THEN
                outcome := 'sold_out';
            ELSIF request.units > available THEN
                outcome := 'not_enough_left';
                bound := greatest(0, available);
            ELSE
                outcome := 'ok';
                signup_state := 'active';
                of.rev := of.rev + 1;
                of.deal_units := of.deal_units + request.units;
                of.buyers := of.buyers + is_new::integer;
                number := of.buyers;
                slot_units[request.buyer_slot] := holds + request.units;
                slot_rev[request.buyer_slot] := of.rev;
                slot_deal[request.buyer_slot] := request.deal;
                slot_buyer[request.buyer_slot] := request.buyer;
                taken_units[request.signup_slot] := request.units;
                taken_number[request.signup_slot] := number;
                new_ids := array_append(new_ids, request.id);
                new_deals := array_append(new_deals, request.deal);
                new_buyers := array_append(new_buyers, request.buyer);
                new_units := array_append(new_units, request.units);
                new_numbers := array_append(new_numbers, number);
                new_revs := array_append(new_revs, of.rev);
                IF of.state = 'open' AND of.buyers >= of.tipping_point THEN
                    of.state := 'tipped';
                END IF;
            END IF;
        END IF;
        buyer_units := coalesce(slot_units[request.buyer_slot], request.held_units);
        buyer_rev := coalesce(slot_rev[request.buyer_slot], request.held_rev);
        RETURN NEXT;

        IF request.is_last AND request.deal_id IS NOT NULL THEN
            IF of.rev > request.rev THEN
                deal_ids_new := array_append(deal_ids_new, request.deal);
                deal_revs := array_append(deal_revs, of.rev);
                deal_buyers_n := array_append(deal_buyers_n, of.buyers);
                deal_units_n := array_append(deal_units_n, of.deal_units);
                deal_tipped := array_append(deal_tipped, of.state <> request.state);
            END IF;
            ord := 0;
            outcome := 'figures';
            number := NULL;
            signup_state := NULL;
            bound := NULL;
            buyer_units := NULL;
            buyer_rev := NULL;
            epoch := this_epoch;
            rev := of.rev;
            rev_before := request.rev;
            state := of.state;
            buyers := of.buyers;
            units := of.deal_units;
            tipping_point := of.tipping_point;
            cap := of.cap;
            closes_at := of.closes_at;
            RETURN NEXT;
            epoch := NULL;
            rev := NULL;
            rev_before := NULL;
            state := NULL;
            buyers := NULL;
            units := NULL;
            tipping_point := NULL;
            cap := NULL;
            closes_at := NULL;
        END IF;
    END LOOP;

    IF cardinality(new_ids) > 0 THEN
        INSERT INTO signups (deal, id, buyer, units, number, rev, joined_at)
        SELECT n.deal, n.id, n.buyer, n.units, n.number, n.rev, at
          FROM unnest(new_deals, new_ids, new_buyers, new_units, new_numbers, new_revs)
               AS n (deal, id, buyer, units, number, rev);
        INSERT INTO deal_buyers AS b (deal, buyer, units, rev)
        SELECT n.deal, n.buyer, n.units, n.rev
          FROM unnest(slot_deal, slot_buyer, slot_units, slot_rev) AS n (deal, buyer, units, rev)
         WHERE n.rev IS NOT NULL
            ON CONFLICT (deal, buyer) DO UPDATE SET units = excluded.units, rev = excluded.rev;
        UPDATE deals AS d
           SET rev = n.rev, buyers = n.buyers, units = n.units, changed_at = at,
               state = CASE WHEN n.tipped THEN 'tipped' ELSE d.state END,
               tipped_at = CASE WHEN n.tipped THEN at ELSE d.tipped_at END
          FROM unnest(deal_ids_new, deal_revs, deal_buyers_n, deal_units_n, deal_tipped)
               AS n (deal, rev, buyers, units, tipped)
         WHERE d.id = n.deal;
        IF true = ANY (deal_tipped) THEN
            INSERT INTO outbox (key, kind, deal)
            SELECT 'tip:' || n.deal, 'deal_tipped', n.deal
              FROM unnest(deal_ids_new, deal_tipped) AS n (deal, tipped)
             WHERE n.tipped;
        END IF;
    END IF;
END
$$;

-- Records a batch of leaves. Leaving is possible while the deal is open and its window is not over; leaving twice is the
-- same as once. Rows as `commit_signups` answers them, with outcome `left | no_such_signup | already_tipped | closed`.
CREATE FUNCTION commit_leaves(ids uuid[], deal_ids uuid[], buyer_ids uuid[])
    RETURNS TABLE (
        ord integer, outcome text, deal uuid, buyer_units integer, buyer_rev bigint,
        epoch bigint, rev bigint, rev_before bigint, state text, buyers integer, units integer,
        tipping_point integer, cap integer, closes_at timestamptz, decided_at timestamptz)
    LANGUAGE plpgsql VOLATILE
    SET enable_seqscan = off
    SET enable_hashjoin = off
    SET enable_mergejoin = off
    SET jit = off
    AS $$
#variable_conflict use_column
DECLARE
    this_epoch bigint;
    at         timestamptz;
    request    record;
    held       deal_buyers%ROWTYPE;
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

    -- Row by row: leaves are rare, and each sees what the one before it wrote.
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
            UPDATE deal_buyers AS b SET units = b.units - was.units, rev = was.rev + 1
             WHERE b.deal = request.deal AND b.buyer = request.buyer
            RETURNING b.* INTO held;
            UPDATE deals AS d
               SET rev = d.rev + 1, units = d.units - was.units, buyers = d.buyers - (held.units = 0)::integer, changed_at = at
             WHERE d.id = request.deal;
        END IF;
        SELECT b.units, b.rev INTO buyer_units, buyer_rev
          FROM deal_buyers AS b WHERE b.deal = request.deal AND b.buyer = request.buyer;
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
        -- Each accepted leave of a deal raised its version by one; a leave that changed nothing did not.
        rev_before := became.rev - (
            SELECT count(*) FROM signups AS s
             WHERE s.deal = became.id AND s.id = ANY (ids) AND s.left_at = at);
        state := became.state;
        buyers := became.buyers;
        units := became.units;
        tipping_point := became.tipping_point;
        cap := became.cap;
        closes_at := became.closes_at;
        RETURN NEXT;
    END LOOP;
END
$$;
