-- Records a batch of joins. Enforces the cap, the per-buyer limit and the window, under the locks of the deals' rows. The CHECK
-- `deals_never_oversold` stands behind it.
--
-- Arguments, one element of each for each request
--   ids        the signup: derived from deal, buyer and idempotency key, so a request that is sent again has the same id
--   deal_ids   the deal
--   buyer_ids  the buyer, already authenticated
--   wanted     units, at least 1
-- Returns one row for each request, with `ord` from 1, in any order
--   outcome    ok              recorded now
--              replay          recorded before, with the same units
--              key_reused      recorded before, with other units
--              no_such_deal    unknown, or a draft
--              closed          over, or its window is
--              not_open        its window has not begun
--              buyer_limit     would exceed `per_buyer_max`, which is in `bound`
--              sold_out        no unit left
--              not_enough_left fewer units left than wanted; `bound` is how many, less those that the deal still needs to tip
--   number, signup_state       of the signup, if there is one
--   buyer_units, buyer_rev     units that the buyer holds after the request, and as of which `rev`; NULL for a buyer who never had a
--                              signup in the deal
--   decided_at                 the time that decided
-- and one row for each deal that exists, with `ord` 0 and outcome `figures`
--   epoch, rev, rev_before, state, buyers, units, tipping_point, cap, opens_at, closes_at     after the batch; `rev_before` is from before it
-- Locks     its deals, in the order of their ids, as every writer of deals does: so none of them can deadlock
-- Writes    signups, deals, outbox (when a deal tips)
--
-- Later requests of a batch see what earlier ones wrote, per deal and per buyer. A refused request does not affect the others. Sending
-- the same batch again returns `replay` where the first call returned `ok`.
--
-- The locks come first, then the clock, then the reads. Each statement of a VOLATILE function sees what was committed while it
-- waited for a lock. A single statement would check a snapshot from before the wait, and let a buyer exceed the limit.
--
-- A batch of one deal in which every request is simply accepted is recorded as a whole, because no request depends on the one before it.
-- Anything else goes to `commit_signups_in_order`, which counts request by request. PL/pgSQL prepares each expression
-- again in every transaction, so the fast path uses few.

CREATE OR REPLACE FUNCTION commit_signups(ids uuid[], deal_ids uuid[], buyer_ids uuid[], wanted integer[])
    RETURNS TABLE (
        ord integer, outcome text, deal uuid, number integer, signup_state text, bound integer,
        buyer_units integer, buyer_rev bigint,
        epoch bigint, rev bigint, rev_before bigint, state text, buyers integer, units integer,
        tipping_point integer, cap integer, opens_at timestamptz, closes_at timestamptz, decided_at timestamptz)
    LANGUAGE plpgsql VOLATILE
    AS $$
#variable_conflict use_column
DECLARE
    this_epoch bigint;
    at         timestamptz;
    of         record;
    batch      record;
    requests   integer := cardinality(ids);
BEGIN
    IF requests <> cardinality(deal_ids) OR requests <> cardinality(buyer_ids) OR requests <> cardinality(wanted) THEN
        RAISE EXCEPTION 'commit_signups: arrays of unequal length' USING ERRCODE = '22023';
    END IF;
    IF deal_ids[1] = ALL (deal_ids) THEN
        SELECT d.id, d.state, d.rev, d.buyers, d.units, d.tipping_point, d.cap, d.per_buyer_max, d.opens_at, d.closes_at
          INTO of FROM deals AS d WHERE d.id = deal_ids[1] FOR NO KEY UPDATE;
        SELECT muster_now(), e.epoch INTO at, this_epoch FROM epoch AS e WHERE e.only_row;
        -- What each buyer holds already, and whether any request is a replay: only a buyer who has had a signup in this deal can have sent
        -- one before.
        SELECT sum(t.units)::integer AS units, max(coalesce(b.held, 0) + t.units) AS most_held, count(DISTINCT t.buyer) AS buyers,
               count(*) FILTER (WHERE coalesce(b.held, 0) = 0)::integer AS new_buyers,
               array_agg(coalesce(b.held, 0) ORDER BY t.ord) AS held,
               bool_or(b.held IS NOT NULL AND EXISTS (SELECT FROM signups AS s WHERE s.deal = of.id AND s.id = t.id)) AS is_replay
          INTO batch
          FROM unnest(ids, buyer_ids, wanted) WITH ORDINALITY AS t (id, buyer, units, ord)
          LEFT JOIN LATERAL (SELECT b.held FROM signups AS b WHERE b.buyer = t.buyer AND b.deal = of.id
                              ORDER BY b.rev DESC LIMIT 1) AS b ON true;
        -- Record the batch as a whole if no buyer is in it twice, nothing is a replay, nobody exceeds the limit, and the deal does not tip.
        -- The cap: units sold plus units kept free never shrink from one request to the next, so it is enough to check after the last one.
        IF of.state IN ('open', 'tipped') AND of.opens_at <= at AND at < of.closes_at
           AND batch.buyers = requests AND NOT batch.is_replay AND batch.most_held <= of.per_buyer_max
           AND (of.state = 'tipped' OR of.buyers + batch.new_buyers < of.tipping_point)
           AND (of.cap IS NULL OR of.units + batch.units + CASE
                WHEN of.state = 'open' THEN of.tipping_point - of.buyers - batch.new_buyers ELSE 0 END <= of.cap) THEN
            RETURN QUERY
            INSERT INTO signups AS s (deal, id, buyer, units, number, rev, joined_at, held, held_rev)
            SELECT of.id, t.id, t.buyer, t.units, of.buyers + sum((t.held = 0)::integer) OVER (ORDER BY t.ord), of.rev + t.ord, at,
                   t.held + t.units, of.rev + t.ord
              FROM unnest(ids, buyer_ids, wanted, batch.held) WITH ORDINALITY AS t (id, buyer, units, held, ord)
            RETURNING (s.rev - of.rev)::integer, 'ok', s.deal, s.number, s.state, NULL::integer, s.held, s.held_rev,
                   NULL::bigint, NULL::bigint, NULL::bigint, NULL, NULL::integer, NULL::integer, NULL::integer, NULL::integer,
                   NULL::timestamptz, NULL::timestamptz, at;
            RETURN QUERY
            UPDATE deals AS d
               SET rev = d.rev + requests, buyers = d.buyers + batch.new_buyers, units = d.units + batch.units, changed_at = at
             WHERE d.id = of.id
            RETURNING 0, 'figures', d.id, NULL::integer, NULL, NULL::integer, NULL::integer, NULL::bigint, this_epoch, d.rev, of.rev,
                   d.state, d.buyers, d.units, d.tipping_point, d.cap, d.opens_at, d.closes_at, at;
            RETURN;
        END IF;
    END IF;
    RETURN QUERY SELECT a.* FROM commit_signups_in_order(ids, deal_ids, buyer_ids, wanted) AS a;
END
$$;
