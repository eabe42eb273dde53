-- Publishes a draft.
--
-- Arguments  deal_id, and the merchant that it must belong to
-- Returns    ok | no_such_deal | not_draft
--            closed          its window would be over at once
-- Locks      the deal, before the clock is read

CREATE OR REPLACE FUNCTION publish_deal(deal_id uuid, merchant_id uuid) RETURNS text
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
    ELSIF was.state <> 'draft' THEN
        RETURN 'not_draft';
    ELSIF was.closes_at <= at THEN
        RETURN 'closed';
    END IF;
    UPDATE deals SET state = 'open', published_at = at, changed_at = at, rev = rev + 1, version = version + 1 WHERE id = deal_id;
    RETURN 'ok';
END
$$;
