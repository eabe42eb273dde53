-- What else changes a deal: publishing, withdrawing, closing. Each is one call; each locks in the order of ids, and raises `rev`.

-- `ok | no_such_deal | not_draft | closed` (its window would be over at once).
CREATE FUNCTION publish_deal(deal_id uuid, merchant_id uuid) RETURNS text
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

-- `ok | no_such_deal | ended`. Withdrawing a withdrawn deal again is `ok` and changes nothing.
CREATE FUNCTION withdraw_deal(deal_id uuid, merchant_id uuid, reason text) RETURNS text
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

-- Ends up to `most` deals whose window is over: tipped ones succeed, others fail. A deal that another node or a join has
-- locked is left for the next call. Answers the deals that it ended.
CREATE FUNCTION close_due_deals(most integer) RETURNS SETOF uuid
    LANGUAGE plpgsql VOLATILE
    AS $$
DECLARE
    due uuid[];
    at  timestamptz;
BEGIN
    due := ARRAY(
        SELECT l.id FROM (
            SELECT d.id FROM deals AS d
             WHERE d.state IN ('open', 'tipped') AND d.closes_at <= muster_now()
             ORDER BY d.id LIMIT most
               FOR NO KEY UPDATE SKIP LOCKED) AS l);
    at := muster_now();
    RETURN QUERY
        WITH ended AS (
            UPDATE deals AS d
               SET state = CASE d.state WHEN 'tipped' THEN 'succeeded' ELSE 'failed' END,
                   ended_at = at, changed_at = at, rev = d.rev + 1, version = d.version + 1
             WHERE d.id = ANY (due)
            RETURNING d.id, d.state
        ), told AS (
            INSERT INTO outbox (key, kind, deal)
            SELECT 'fail:' || e.id, 'deal_failed', e.id FROM ended AS e WHERE e.state = 'failed'
        )
        SELECT e.id FROM ended AS e;
END
$$;
