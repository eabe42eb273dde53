-- Withdraws a deal that has not ended.
--
-- Arguments  deal_id, the merchant that it must belong to, and the reason that people see
-- Returns    ok              withdrawn now, or before; then nothing changes
--            no_such_deal
--            ended           it has succeeded or failed
-- Locks      the deal, before the clock is read

CREATE OR REPLACE FUNCTION withdraw_deal(deal_id uuid, merchant_id uuid, reason text) RETURNS text
    LANGUAGE plpgsql VOLATILE
    AS $$
DECLARE
    was deals%ROWTYPE;
    at  timestamptz;
BEGIN
    SELECT * INTO was FROM deals WHERE id = deal_id AND merchant = merchant_id FOR NO KEY UPDATE;
    at := muster_now();
    IF NOT FOUND THEN
        RETURN 'no_such_deal';
    ELSIF was.state = 'withdrawn' THEN
        RETURN 'ok';
    ELSIF was.state NOT IN ('draft', 'open', 'tipped') THEN
        RETURN 'ended';
    END IF;
    UPDATE deals
       SET state = 'withdrawn', withdrawn_reason = reason, ended_at = at, changed_at = at, rev = rev + 1, version = version + 1
     WHERE id = deal_id;
    RETURN 'ok';
END
$$;
