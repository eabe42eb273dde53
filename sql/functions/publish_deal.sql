-- Publishes a draft.
--
-- Arguments  deal_id, and the merchant that it must belong to
-- Returns    ok, with the deal as it became
--            no_such_deal | not_draft
--            closed          its window would be over at once
-- Locks      the deal, before the clock is read

CREATE OR REPLACE FUNCTION publish_deal(deal_id uuid, merchant_id uuid) RETURNS deal_change
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
        WHEN was.state <> 'draft' THEN 'not_draft'
        WHEN was.closes_at <= at THEN 'closed' END;
    IF answer.outcome IS NOT NULL THEN
        RETURN answer;
    END IF;
    UPDATE deals SET state = 'open', published_at = at, changed_at = at, rev = rev + 1, version = version + 1 WHERE id = deal_id
    RETURNING * INTO became;
    RETURN deal_changed('ok', became, was.rev);
END
$$;
