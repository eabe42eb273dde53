-- Withdraws a deal that has not ended.
--
-- Arguments  deal_id, the merchant that it must belong to, and the reason that people see
-- Returns    ok, with the deal as it became: withdrawn now, or before; then nothing changes
--            no_such_deal
--            ended           it has succeeded or failed
-- Locks      the deal, before the clock is read

CREATE OR REPLACE FUNCTION withdraw_deal(deal_id uuid, merchant_id uuid, reason text) RETURNS deal_change
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
    IF was.state = 'withdrawn' THEN
        -- Withdrawing was the deal's last change.
        RETURN deal_changed('ok', was, was.rev - 1);
    END IF;
    answer.outcome := CASE
        WHEN was.id IS NULL THEN 'no_such_deal'
        WHEN was.state NOT IN ('draft', 'open', 'tipped') THEN 'ended' END;
    IF answer.outcome IS NOT NULL THEN
        RETURN answer;
    END IF;
    UPDATE deals
       SET state = 'withdrawn', withdrawn_reason = reason, ended_at = at, changed_at = at, rev = rev + 1, version = version + 1
     WHERE id = deal_id
    RETURNING * INTO became;
    RETURN deal_changed('ok', became, was.rev);
END
$$;
