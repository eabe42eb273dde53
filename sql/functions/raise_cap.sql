-- Raises the cap of a deal that sells, or takes it away.
--
-- Arguments  deal_id, the merchant that it must belong to, and the new cap (NULL: none)
-- Returns    ok, with the deal as it became
--            unchanged             it has this cap; with the deal as it is
--            no_such_deal
--            not_published         a draft is edited instead
--            closed                the deal is over, or its window is
--            not_in_buyers_favour  the cap would become lower
-- Locks      the deal, before the clock is read
--
-- A node may refuse strangers for a second because it remembers that the deal is sold out. Call this through `Engine::raise_cap`,
-- which first waits until no node does.

CREATE OR REPLACE FUNCTION raise_cap(deal_id uuid, merchant_id uuid, new_cap integer) RETURNS deal_change
    LANGUAGE plpgsql VOLATILE
    AS $$
DECLARE
    was    deals%ROWTYPE;
    became deals%ROWTYPE;
    at     timestamptz;
    answer deal_change;
BEGIN
    SELECT * INTO was FROM deals WHERE id = deal_id AND merchant = merchant_id FOR NO KEY UPDATE;
    at := muster_now();
    answer.outcome := CASE
        WHEN was.id IS NULL THEN 'no_such_deal'
        WHEN was.state = 'draft' THEN 'not_published'
        WHEN was.state NOT IN ('open', 'tipped') OR at >= was.closes_at THEN 'closed'
        WHEN new_cap < was.cap OR (was.cap IS NULL AND new_cap IS NOT NULL) THEN 'not_in_buyers_favour' END;
    IF answer.outcome IS NOT NULL THEN
        RETURN answer;
    ELSIF new_cap IS NOT DISTINCT FROM was.cap THEN
        RETURN deal_changed('unchanged', was, was.rev);
    END IF;
    UPDATE deals SET cap = new_cap, changed_at = at, rev = rev + 1, version = version + 1 WHERE id = deal_id
    RETURNING * INTO became;
    RETURN deal_changed('ok', became, was.rev);
END
$$;
