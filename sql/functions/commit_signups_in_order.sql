-- Records a batch of joins request by request: what `commit_signups` does with every batch that it cannot record as a whole.
--
-- Arguments, outcomes, locks: see `commit_signups`. The arrays have equal lengths; that is checked there.
--
-- It decides the whole batch in memory first, and writes each table once at the end. State of a buyer or a signup inside the batch is
-- kept in arrays, at the position of its first request.

CREATE OR REPLACE FUNCTION commit_signups_in_order(ids uuid[], deal_ids uuid[], buyer_ids uuid[], wanted integer[])
    RETURNS SETOF commit_answer
    LANGUAGE plpgsql VOLATILE
    AS $$
DECLARE
    this_epoch     bigint;
    at             timestamptz;
    request        record;
    -- The deal whose requests are being decided, its running figures, and what it was before them.
    deal_id        uuid;
    of             record;
    is_known       boolean := false;
    rev_was        bigint;
    was_open       boolean;
    -- The accepted requests: their positions in the batch, and what each became.
    accepted       integer := 0;
    new_ords       integer[];
    new_numbers    integer[];
    new_revs       bigint[];
    new_held       integer[];
    -- newest[i], recorded[i]: the index in `accepted` of the last accepted request of the buyer, or of the signup, whose first
    -- request is at position i.
    newest         integer[];
    recorded       integer[];
    slot           integer;
    signup_slot    integer;
    -- The deals that change.
    changed        uuid[];
    changed_rev    bigint[];
    changed_buyers integer[];
    changed_units  integer[];
    changed_tipped boolean[];
    -- What the buyer holds after the request, and as of which `rev`; NULL for a buyer who never had a signup in the deal.
    held           integer;
    held_rev       bigint;
    is_new         boolean;
    available      integer;
    had_units      integer;
    -- The row to return.
    outcome        text;
    number         integer;
    signup_state   text;
    bound          integer;
BEGIN
    PERFORM 1 FROM deals AS d WHERE d.id = ANY (deal_ids) ORDER BY d.id FOR NO KEY UPDATE;
    SELECT muster_now(), e.epoch INTO at, this_epoch FROM epoch AS e WHERE e.only_row;

    FOR request IN
        SELECT t.ord, deal_ids[t.ord] AS deal, ids[t.ord] AS id, buyer_ids[t.ord] AS buyer, wanted[t.ord] AS units,
               b.held, b.held_rev
          -- One more request without a deal sorts last, and completes the last deal.
          FROM generate_series(1, cardinality(ids) + 1) AS t (ord)
          LEFT JOIN LATERAL (SELECT b.held, b.held_rev FROM signups AS b
                              WHERE b.buyer = buyer_ids[t.ord] AND b.deal = deal_ids[t.ord]
                              ORDER BY b.rev DESC LIMIT 1) AS b ON true
         ORDER BY deal_ids[t.ord], t.ord
    LOOP
        IF request.deal IS DISTINCT FROM deal_id THEN
            IF is_known THEN
                IF of.rev > rev_was THEN
                    changed := array_append(changed, deal_id);
                    changed_rev := array_append(changed_rev, of.rev);
                    changed_buyers := array_append(changed_buyers, of.buyers);
                    changed_units := array_append(changed_units, of.units);
                    changed_tipped := array_append(changed_tipped, was_open AND of.state = 'tipped');
                END IF;
                RETURN NEXT (0, 'figures', deal_id, NULL, NULL, NULL, NULL, NULL, this_epoch, of.rev, rev_was, of.state, of.buyers,
                             of.units, of.tipping_point, of.cap, of.opens_at, of.closes_at, at)::commit_answer;
            END IF;
            EXIT WHEN request.deal IS NULL;
            deal_id := request.deal;
            -- Read once for each deal. A join with each request would skip the row's dead versions again for each of them.
            SELECT d.state, d.rev, d.buyers, d.units, d.tipping_point, d.cap, d.per_buyer_max, d.opens_at, d.closes_at
              INTO of FROM deals AS d WHERE d.id = deal_id;
            is_known := FOUND;
            rev_was := of.rev;
            was_open := of.state = 'open';
        END IF;
        slot := array_position(buyer_ids, request.buyer);
        WHILE deal_ids[slot] <> deal_id LOOP
            slot := array_position(buyer_ids, request.buyer, slot + 1);
        END LOOP;
        signup_slot := array_position(ids, request.id);
        -- What the buyer holds so far, including earlier requests of this batch.
        held := coalesce(new_held[newest[slot]], request.held);
        held_rev := coalesce(new_revs[newest[slot]], request.held_rev);
        bound := NULL;
        -- Whether the signup exists: earlier in this batch, or in the table. Only a buyer who has had a signup in the deal can have one there.
        had_units := wanted[new_ords[recorded[signup_slot]]];
        number := new_numbers[recorded[signup_slot]];
        signup_state := CASE WHEN had_units IS NOT NULL THEN 'active' END;
        IF had_units IS NULL AND request.held IS NOT NULL THEN
            SELECT s.units, s.number, s.state INTO had_units, number, signup_state
              FROM signups AS s WHERE s.deal = deal_id AND s.id = request.id;
        END IF;

        IF had_units IS NOT NULL THEN
            outcome := CASE WHEN had_units = request.units THEN 'replay' ELSE 'key_reused' END;
        ELSIF NOT is_known OR of.state = 'draft' THEN
            outcome := 'no_such_deal';
        ELSIF of.state NOT IN ('open', 'tipped') OR at >= of.closes_at THEN
            outcome := 'closed';
        ELSIF at < of.opens_at THEN
            outcome := 'not_open';
        ELSIF coalesce(held, 0) + request.units > of.per_buyer_max THEN
            outcome := 'buyer_limit';
            bound := of.per_buyer_max;
        ELSE
            is_new := coalesce(held, 0) = 0;
            -- The cap: while the deal is open, as many units must stay free as buyers are still needed after this join.
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
                held := coalesce(held, 0) + request.units;
                held_rev := of.rev;
                accepted := accepted + 1;
                newest[slot] := accepted;
                recorded[signup_slot] := accepted;
                new_ords[accepted] := request.ord;
                new_numbers[accepted] := number;
                new_revs[accepted] := held_rev;
                new_held[accepted] := held;
                IF of.state = 'open' AND of.buyers >= of.tipping_point THEN
                    of.state := 'tipped';
                END IF;
            END IF;
        END IF;
        RETURN NEXT (request.ord, outcome, deal_id, number, signup_state, bound, held, held_rev, NULL, NULL, NULL, NULL, NULL, NULL,
                     NULL, NULL, NULL, NULL, at)::commit_answer;
    END LOOP;

    IF accepted > 0 THEN
        INSERT INTO signups (deal, id, buyer, units, number, rev, joined_at, held, held_rev)
        SELECT deal_ids[n.ord], ids[n.ord], buyer_ids[n.ord], wanted[n.ord], n.number, n.rev, at, n.held, n.rev
          FROM unnest(new_ords, new_numbers, new_revs, new_held) AS n (ord, number, rev, held);
        UPDATE deals AS d
           SET rev = n.rev, buyers = n.buyers, units = n.units, changed_at = at
          FROM unnest(changed, changed_rev, changed_buyers, changed_units, changed_tipped)
               AS n (deal, rev, buyers, units, tipped)
         WHERE d.id = n.deal AND NOT n.tipped;
        IF true = ANY (changed_tipped) THEN
            UPDATE deals AS d
               SET rev = n.rev, buyers = n.buyers, units = n.units, changed_at = at, state = 'tipped', tipped_at = at
              FROM unnest(changed, changed_rev, changed_buyers, changed_units, changed_tipped)
                   AS n (deal, rev, buyers, units, tipped)
             WHERE d.id = n.deal AND n.tipped;
            INSERT INTO outbox (key, kind, deal)
            SELECT 'tip:' || n.deal, 'deal_tipped', n.deal
              FROM unnest(changed, changed_tipped) AS n (deal, tipped)
             WHERE n.tipped;
        END IF;
    END IF;
END
$$;
