-- Recording a batch costs less; what is answered, and what may not be, is the same.
--
-- Rules of a deal that joining cannot break are checked when what they speak of is written, by a trigger: as constraints each commit
-- had to make their expressions ready, all 21 of them, which took 90 us of its 340. What a join could break stays a constraint.
CREATE FUNCTION check_deal() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
DECLARE
    broken text := CASE
        WHEN NEW.state NOT IN ('draft', 'open', 'tipped', 'succeeded', 'failed', 'withdrawn') THEN 'deals_state'
        WHEN NOT char_length(NEW.title) BETWEEN 1 AND 120 THEN 'deals_title_length'
        WHEN NOT char_length(NEW.description) <= 10000 THEN 'deals_description_length'
        WHEN NOT NEW.price > 0 THEN 'deals_price_above_zero'
        WHEN NOT NEW.price < NEW.face_value THEN 'deals_price_below_face_value'
        WHEN NOT NEW.currency ~ '^[A-Z]{3}$' THEN 'deals_currency_code'
        WHEN NOT NEW.tipping_point >= 1 THEN 'deals_tipping_point_at_least_one'
        WHEN NOT NEW.per_buyer_max >= 1 THEN 'deals_per_buyer_max_at_least_one'
        WHEN NOT NEW.opens_at < NEW.closes_at THEN 'deals_window'
        WHEN NOT NEW.coupon_expires_at > NEW.closes_at THEN 'deals_coupons_outlive_window'
        WHEN NOT NEW.cap >= NEW.tipping_point THEN 'deals_cap_reaches_tipping_point'
        WHEN NOT NEW.per_buyer_max <= NEW.cap THEN 'deals_per_buyer_max_within_cap'
        WHEN NEW.state <> 'withdrawn' AND (NEW.state IN ('tipped', 'succeeded')) <> (NEW.tipped_at IS NOT NULL)
            THEN 'deals_tipped_at'
        WHEN (NEW.state IN ('succeeded', 'failed', 'withdrawn')) <> (NEW.ended_at IS NOT NULL) THEN 'deals_ended_at'
        WHEN (NEW.state = 'withdrawn') <> (NEW.withdrawn_reason IS NOT NULL) THEN 'deals_withdrawn_reason'
        WHEN NOT (NEW.state IN ('draft', 'withdrawn') OR NEW.published_at IS NOT NULL) THEN 'deals_published'
        END;
BEGIN
    IF broken IS NOT NULL THEN
        RAISE EXCEPTION 'a deal would violate %', broken
            USING ERRCODE = 'check_violation', SCHEMA = 'public', TABLE = 'deals', CONSTRAINT = broken;
    END IF;
    RETURN NULL;
END
$$;

CREATE TRIGGER deals_check
    AFTER INSERT OR UPDATE OF state, title, description, price, face_value, currency, tipping_point, cap, per_buyer_max, opens_at,
        closes_at, coupon_expires_at, published_at, tipped_at, ended_at, withdrawn_reason
    ON deals FOR EACH ROW EXECUTE FUNCTION check_deal();

ALTER TABLE deals
    DROP CONSTRAINT deals_state,
    DROP CONSTRAINT deals_title_length,
    DROP CONSTRAINT deals_description_length,
    DROP CONSTRAINT deals_price_above_zero,
    DROP CONSTRAINT deals_price_below_face_value,
    DROP CONSTRAINT deals_currency_code,
    DROP CONSTRAINT deals_tipping_point_at_least_one,
    DROP CONSTRAINT deals_per_buyer_max_at_least_one,
    DROP CONSTRAINT deals_window,
    DROP CONSTRAINT deals_coupons_outlive_window,
    DROP CONSTRAINT deals_cap_reaches_tipping_point,
    DROP CONSTRAINT deals_per_buyer_max_within_cap,
    DROP CONSTRAINT deals_tipped_at,
    DROP CONSTRAINT deals_ended_at,
    DROP CONSTRAINT deals_withdrawn_reason,
    DROP CONSTRAINT deals_published;

-- What the planner may not do stands in the set-up of a lane's connection (src/ledger/lane.rs) now, not with the functions: saying
-- it anew for each call took 58 us of the 296 of a call of one row.
ALTER FUNCTION commit_leaves(uuid[], uuid[], uuid[]) RESET ALL;

-- As before, but repeated buyers and signups of a batch are found without sorting it twice more, a signup is looked up only
-- for buyers who had one, and only a deal that tips has its state written.
--
-- Records a batch of joins. Counts cumulatively inside the batch, per deal and per buyer; one refused row does not touch
-- the others. Sending the same batch again answers `replay` where the first call had answered `ok`.
--
-- Answers one row for each request (`ord` from 1), and after a deal's requests one row with outcome `figures` for it.
-- `bound` is the number that a refusal tells: units available, or the per-buyer limit. `buyer_units` and `buyer_rev` are the
-- buyer's absolute units after the request, NULL if the buyer never had a signup in the deal.
CREATE OR REPLACE FUNCTION commit_signups(ids uuid[], deal_ids uuid[], buyer_ids uuid[], wanted integer[])
    RETURNS TABLE (
        ord integer, outcome text, deal uuid, number integer, signup_state text, bound integer,
        buyer_units integer, buyer_rev bigint,
        epoch bigint, rev bigint, rev_before bigint, state text, buyers integer, units integer,
        tipping_point integer, cap integer, closes_at timestamptz, decided_at timestamptz)
    LANGUAGE plpgsql VOLATILE
    AS $$
#variable_conflict use_column
DECLARE
    this_epoch    bigint;
    at            timestamptz;
    request       record;
    -- The deal whose requests are being decided, its figures as they become, and its version before them.
    of            record;
    is_known      boolean;
    slot          integer;
    signup_slot   integer;
    rev_was       bigint;
    was_open      boolean;
    -- By slot: the place of the first request of each different buyer of a deal, and of each different signup, in the batch.
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
    SELECT muster_now(), e.epoch INTO at, this_epoch FROM epoch AS e WHERE e.only_row;
    slot_units := array_fill(NULL::integer, ARRAY[cardinality(ids)]);
    slot_rev := array_fill(NULL::bigint, ARRAY[cardinality(ids)]);
    slot_deal := array_fill(NULL::uuid, ARRAY[cardinality(ids)]);
    slot_buyer := array_fill(NULL::uuid, ARRAY[cardinality(ids)]);
    taken_units := slot_units;
    taken_number := slot_units;

    FOR request IN
        SELECT t.ord::integer AS ord, t.id, t.deal, t.buyer, t.units,
               s.units AS had_units, s.number AS had_number, s.state AS had_state,
               b.units AS held_units, b.rev AS held_rev
          -- One more, without a deal: it comes last, and ends the last deal.
          FROM unnest(ids || NULL::uuid, deal_ids || NULL::uuid, buyer_ids || NULL::uuid, wanted || NULL::integer)
               WITH ORDINALITY AS t (id, deal, buyer, units, ord)
          LEFT JOIN deal_buyers AS b ON b.deal = t.deal AND b.buyer = t.buyer
          -- Who never had a signup in the deal has not this one either. OFFSET keeps the condition before the look-up.
          LEFT JOIN LATERAL (SELECT s.units, s.number, s.state FROM signups AS s
                              WHERE b.rev IS NOT NULL AND s.deal = t.deal AND s.id = t.id OFFSET 0) AS s ON true
         ORDER BY t.deal, t.ord
    LOOP
        IF request.deal IS DISTINCT FROM deal THEN
            IF deal IS NOT NULL AND is_known THEN
                IF of.rev > rev_was THEN
                    deal_ids_new := array_append(deal_ids_new, deal);
                    deal_revs := array_append(deal_revs, of.rev);
                    deal_buyers_n := array_append(deal_buyers_n, of.buyers);
                    deal_units_n := array_append(deal_units_n, of.units);
                    deal_tipped := array_append(deal_tipped, was_open AND of.state = 'tipped');
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
                rev_before := rev_was;
                state := of.state;
                buyers := of.buyers;
                units := of.units;
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
            EXIT WHEN request.deal IS NULL;
            -- Once for each deal: joined to each request, its versions of the last commits would be walked through for each.
            SELECT d.id, d.state, d.rev, d.buyers, d.units, d.tipping_point, d.cap, d.per_buyer_max, d.opens_at, d.closes_at
              INTO of FROM deals AS d WHERE d.id = request.deal;
            is_known := of.id IS NOT NULL;
            rev_was := of.rev;
            was_open := of.state = 'open';
        END IF;
        ord := request.ord;
        deal := request.deal;
        decided_at := at;
        number := NULL;
        signup_state := NULL;
        bound := NULL;
        slot := array_position(buyer_ids, request.buyer);
        WHILE deal_ids[slot] <> request.deal LOOP
            slot := array_position(buyer_ids, request.buyer, slot + 1);
        END LOOP;
        signup_slot := array_position(ids, request.id);
        -- What this buyer holds now, requests of this batch included.
        holds := coalesce(slot_units[slot], request.held_units, 0);
        is_new := holds = 0;

        IF coalesce(request.had_units, taken_units[signup_slot]) IS NOT NULL THEN
            number := coalesce(request.had_number, taken_number[signup_slot]);
            signup_state := coalesce(request.had_state, 'active');
            outcome := CASE WHEN coalesce(request.had_units, taken_units[signup_slot]) = request.units
                            THEN 'replay' ELSE 'key_reused' END;
        ELSIF of.id IS NULL OR of.state = 'draft' THEN
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
            available := of.cap - of.units - CASE
                WHEN of.state = 'open' THEN greatest(0, of.tipping_point - of.buyers - is_new::integer) ELSE 0 END;
            IF of.units >= of.cap THEN
                outcome := 'sold_out';
            ELSIF request.units > available THEN
                outcome := 'not_enough_left';
                bound := greatest(0, available);
            ELSE
                outcome := 'ok';
                signup_state := 'active';
                of.rev := of.rev + 1;
                of.units := of.units + request.units;
                of.buyers := of.buyers + is_new::integer;
                number := of.buyers;
                slot_units[slot] := holds + request.units;
                slot_rev[slot] := of.rev;
                slot_deal[slot] := request.deal;
                slot_buyer[slot] := request.buyer;
                taken_units[signup_slot] := request.units;
                taken_number[signup_slot] := number;
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
        buyer_units := coalesce(slot_units[slot], request.held_units);
        buyer_rev := coalesce(slot_rev[slot], request.held_rev);
        RETURN NEXT;
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
           SET rev = n.rev, buyers = n.buyers, units = n.units, changed_at = at
          FROM unnest(deal_ids_new, deal_revs, deal_buyers_n, deal_units_n, deal_tipped)
               AS n (deal, rev, buyers, units, tipped)
         WHERE d.id = n.deal AND NOT n.tipped;
        IF true = ANY (deal_tipped) THEN
            UPDATE deals AS d
               SET rev = n.rev, buyers = n.buyers, units = n.units, changed_at = at, state = 'tipped', tipped_at = at
              FROM unnest(deal_ids_new, deal_revs, deal_buyers_n, deal_units_n, deal_tipped)
                   AS n (deal, rev, buyers, units, tipped)
             WHERE d.id = n.deal AND n.tipped;
            INSERT INTO outbox (key, kind, deal)
            SELECT 'tip:' || n.deal, 'deal_tipped', n.deal
              FROM unnest(deal_ids_new, deal_tipped) AS n (deal, tipped)
             WHERE n.tipped;
        END IF;
    END IF;
END
$$;
