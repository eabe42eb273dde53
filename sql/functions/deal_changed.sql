-- Makes the answer of a function that changed a deal.
--
-- Arguments  the outcome, the deal's row as it became, and its `rev` before the change
-- Returns    one `deal_change`
--
-- Called under the deal's lock, so what it returns is what the function left.

CREATE OR REPLACE FUNCTION deal_changed(outcome text, became deals, rev_before bigint) RETURNS deal_change
    LANGUAGE sql STABLE
    AS $$
    SELECT (outcome, became.id, e.epoch, became.rev, rev_before, became.state, became.buyers, became.units,
            became.tipping_point, became.cap, became.opens_at, became.closes_at)::deal_change
      FROM epoch AS e WHERE e.only_row
$$;
