-- Redeems a coupon of a deal of one of these merchants.
--
-- Arguments
--   code_lookups  every keyed hash that the code can have in `coupon_codes`
--   account_id    the account that redeems it
--   merchant_ids  the merchants whose coupons it may redeem
--   till          the merchant's name for the till
--   request_key   the Idempotency-Key of the request; may be NULL
-- Returns one row
--   outcome       ok                redeemed now
--                 replay            redeemed before by a request with this key
--                 already_redeemed  redeemed before by another request
--                 void              its deal was withdrawn
--                 expired
--                 unknown           no coupon of these merchants has this code
--                 too_many          ten wrong codes of the account in ten minutes; `retry_after_s` says when the oldest of them stops counting
--   coupon, deal, title, redeemed_at, redeemed_where   of the coupon, if there is one
-- Locks     the coupon: two tills with one coupon get one `ok`
-- Writes    coupons, or wrong_codes
--
-- A code has several hashes while keys rotate and while coupons of form 1 are about. It is looked up by a statement of its own: the
-- planner does not know how few hashes there are, and would rather begin with all deals of the merchants. Scans are off, because a
-- cached plan may date from when the tables were empty.

CREATE OR REPLACE FUNCTION redeem_coupon(code_lookups bytea[], account_id uuid, merchant_ids uuid[], till text, request_key text)
    RETURNS TABLE (outcome text, coupon uuid, deal uuid, title text, redeemed_at timestamptz, redeemed_where text, retry_after_s integer)
    LANGUAGE plpgsql VOLATILE
    SET enable_seqscan = off
    SET enable_bitmapscan = off
    SET jit = off
    AS $$
#variable_conflict use_column
DECLARE
    at        timestamptz := muster_now();
    code      record;
    found_one record;
    wrong     record;
BEGIN
    -- After ten wrong codes in ten minutes the account waits until the oldest of them is ten minutes old.
    SELECT count(*) AS tries, min(l.tried_at) AS oldest INTO wrong
      FROM (SELECT w.tried_at FROM wrong_codes AS w
             WHERE w.account = account_id AND w.tried_at > at - interval '10 minutes'
             ORDER BY w.tried_at DESC LIMIT 10) AS l;
    IF wrong.tries >= 10 THEN
        outcome := 'too_many';
        retry_after_s := ceil(extract(epoch FROM wrong.oldest + interval '10 minutes' - at));
        RETURN NEXT;
        RETURN;
    END IF;
    SELECT k.deal, k.signup, k.ordinal INTO code FROM coupon_codes AS k WHERE k.lookup = ANY (code_lookups);
    SELECT c.deal, c.signup, c.ordinal, c.id, c.redeemed_at, c.redeemed_where, c.redeemed_key, d.title, d.state, d.coupon_expires_at
      INTO found_one
      FROM coupons AS c
      JOIN deals AS d ON d.id = c.deal AND d.merchant = ANY (merchant_ids)
     WHERE c.deal = code.deal AND c.signup = code.signup AND c.ordinal = code.ordinal
       FOR NO KEY UPDATE OF c;
    IF NOT FOUND THEN
        INSERT INTO wrong_codes (account, tried_at) VALUES (account_id, at);
        outcome := 'unknown';
        RETURN NEXT;
        RETURN;
    END IF;
    at := muster_now();
    coupon := found_one.id;
    deal := found_one.deal;
    title := found_one.title;
    redeemed_at := found_one.redeemed_at;
    redeemed_where := found_one.redeemed_where;
    outcome := CASE
        WHEN found_one.redeemed_at IS NOT NULL AND found_one.redeemed_key = request_key THEN 'replay'
        WHEN found_one.redeemed_at IS NOT NULL THEN 'already_redeemed'
        WHEN found_one.state = 'withdrawn' THEN 'void'
        WHEN found_one.coupon_expires_at <= at THEN 'expired'
        ELSE 'ok' END;
    IF outcome = 'ok' THEN
        UPDATE coupons AS c
           SET redeemed_at = at, redeemed_where = till, redeemed_by = account_id, redeemed_key = request_key
         WHERE c.deal = found_one.deal AND c.signup = found_one.signup AND c.ordinal = found_one.ordinal;
        redeemed_at := at;
        redeemed_where := till;
    END IF;
    RETURN NEXT;
END
$$;
