-- Coupons of tipped deals.

CREATE TABLE coupons (
    deal           uuid        NOT NULL,
    signup         uuid        NOT NULL,
    ordinal        integer     NOT NULL CONSTRAINT coupons_ordinal_at_least_one CHECK (ordinal >= 1),
    -- Derived from signup and ordinal; the code is a keyed hash of it.
    id             uuid        NOT NULL,
    buyer          uuid        NOT NULL,
    -- Which of the configured keys made the code. The code itself is nowhere in the database.
    key_id         smallint    NOT NULL,
    issued_at      timestamptz NOT NULL,
    redeemed_at    timestamptz,
    -- The name that the merchant gave to the till.
    redeemed_where text,
    redeemed_by    uuid,
    -- The Idempotency-Key of the request that redeemed it, if it had one.
    redeemed_key   text,
    PRIMARY KEY (deal, signup, ordinal),
    CONSTRAINT coupons_redeemed CHECK ((redeemed_at IS NULL) = (redeemed_by IS NULL))
);
CREATE INDEX coupons_of_buyer ON coupons (buyer, issued_at DESC);
CREATE INDEX coupons_redeemed_of_deal ON coupons (deal, redeemed_at DESC) WHERE redeemed_at IS NOT NULL;

-- Finds a coupon by its code: another keyed hash, so that a stolen database holds no usable code. A table of its own,
-- keyed by the hash, so that coupons can be spread by deal.
CREATE TABLE coupon_codes (
    lookup  bytea    PRIMARY KEY CONSTRAINT coupon_codes_lookup_length CHECK (octet_length(lookup) = 32),
    deal    uuid     NOT NULL,
    signup  uuid     NOT NULL,
    ordinal integer  NOT NULL
);

-- Wrong codes, per merchant: who tries many is slowed down.
CREATE TABLE wrong_codes (
    merchant uuid        NOT NULL,
    tried_at timestamptz NOT NULL
);
CREATE INDEX wrong_codes_of_merchant ON wrong_codes (merchant, tried_at);

-- Issues the coupons of a chunk of signups, given as one entry per coupon. Signups that another settler has locked, or
-- that are settled, are passed over; so it may be killed anywhere, called twice, and run on every node.
-- Answers how many coupons it issued.
CREATE FUNCTION settle_signups(deal_ids uuid[], signup_ids uuid[], ordinals integer[], coupon_ids uuid[], lookups bytea[], with_key smallint)
    RETURNS bigint
    LANGUAGE plpgsql VOLATILE
    SET enable_seqscan = off
    SET enable_hashjoin = off
    SET enable_mergejoin = off
    SET jit = off
    AS $$
DECLARE
    at     timestamptz := muster_now();
    issued bigint;
BEGIN
    -- What this call settles is marked first; the rest goes by the mark, one look-up by primary key for each coupon.
    WITH wanted AS (
        SELECT DISTINCT n.deal, n.signup FROM unnest(deal_ids, signup_ids) AS n (deal, signup)
    ), ready AS (
        SELECT s.deal, s.id
          FROM wanted AS w
          JOIN signups AS s ON s.deal = w.deal AND s.id = w.signup
          JOIN deals AS d ON d.id = s.deal AND d.tipped_at IS NOT NULL AND d.state <> 'withdrawn'
         -- Said so that only the primary key fits: the index of what waits would be walked through for each signup.
         WHERE coalesce(s.settled_at, 'infinity') = 'infinity' AND s.state = 'active'
         ORDER BY s.deal, s.id
           FOR NO KEY UPDATE OF s SKIP LOCKED
    )
    UPDATE signups AS s SET settled_at = at FROM ready AS r WHERE s.deal = r.deal AND s.id = r.id;
    IF NOT FOUND THEN
        RETURN 0;
    END IF;
    INSERT INTO coupons (deal, signup, ordinal, id, buyer, key_id, issued_at)
    SELECT n.deal, n.signup, n.ordinal, n.coupon, s.buyer, with_key, at
      FROM unnest(deal_ids, signup_ids, ordinals, coupon_ids) AS n (deal, signup, ordinal, coupon)
      JOIN signups AS s ON s.deal = n.deal AND s.id = n.signup AND s.settled_at = at;
    GET DIAGNOSTICS issued = ROW_COUNT;
    INSERT INTO coupon_codes (lookup, deal, signup, ordinal)
    SELECT n.lookup, n.deal, n.signup, n.ordinal
      FROM unnest(deal_ids, signup_ids, ordinals, lookups) AS n (deal, signup, ordinal, lookup)
      JOIN signups AS s ON s.deal = n.deal AND s.id = n.signup AND s.settled_at = at;
    INSERT INTO outbox (key, kind, deal, account, signup)
    SELECT 'coupon:' || s.id, 'coupon_ready', s.deal, s.buyer, s.id
      FROM unnest(deal_ids, signup_ids, ordinals) AS n (deal, signup, ordinal)
      JOIN signups AS s ON s.deal = n.deal AND s.id = n.signup AND s.settled_at = at
     WHERE n.ordinal = 1;
    RETURN issued;
END
$$;

-- Redeems a coupon of one of this merchant's deals. `ok | replay | already_redeemed | expired | void | unknown | too_many`.
-- One conditional update decides, so two tills with one coupon get one `ok`.
CREATE FUNCTION redeem_coupon(code_lookup bytea, merchant_id uuid, till text, request_key text)
    RETURNS TABLE (outcome text, coupon uuid, deal uuid, title text, redeemed_at timestamptz, redeemed_where text, retry_after_s integer)
    LANGUAGE plpgsql VOLATILE
    AS $$
#variable_conflict use_column
DECLARE
    at    timestamptz := muster_now();
    found_one record;
    wrong record;
BEGIN
    -- Ten wrong codes in ten minutes: wait until the oldest of them is ten minutes old.
    SELECT count(*) AS tries, min(l.tried_at) AS oldest INTO wrong
      FROM (SELECT w.tried_at FROM wrong_codes AS w
             WHERE w.merchant = merchant_id AND w.tried_at > at - interval '10 minutes'
             ORDER BY w.tried_at DESC LIMIT 10) AS l;
    IF wrong.tries >= 10 THEN
        outcome := 'too_many';
        retry_after_s := ceil(extract(epoch FROM wrong.oldest + interval '10 minutes' - at));
        RETURN NEXT;
        RETURN;
    END IF;
    SELECT c.deal, c.signup, c.ordinal, c.id, c.redeemed_at, c.redeemed_where, c.redeemed_key, d.title, d.state, d.coupon_expires_at
      INTO found_one
      FROM coupon_codes AS k
      JOIN coupons AS c ON c.deal = k.deal AND c.signup = k.signup AND c.ordinal = k.ordinal
      JOIN deals AS d ON d.id = c.deal AND d.merchant = merchant_id
     WHERE k.lookup = code_lookup
       FOR NO KEY UPDATE OF c;
    IF NOT FOUND THEN
        INSERT INTO wrong_codes (merchant, tried_at) VALUES (merchant_id, at);
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
           SET redeemed_at = at, redeemed_where = till, redeemed_by = merchant_id, redeemed_key = request_key
         WHERE c.deal = found_one.deal AND c.signup = found_one.signup AND c.ordinal = found_one.ordinal;
        redeemed_at := at;
        redeemed_where := till;
    END IF;
    RETURN NEXT;
END
$$;

-- Notes which ended deals have nothing left to settle. Locks in the order of ids; a deal that is locked waits for the next call.
CREATE FUNCTION mark_settled_deals() RETURNS void
    LANGUAGE sql VOLATILE
    AS $$
    WITH done AS (
        SELECT d.id FROM deals AS d
         WHERE d.tipped_at IS NOT NULL AND d.all_settled_at IS NULL AND d.state = 'succeeded'
           AND NOT EXISTS (SELECT 1 FROM signups AS s
                            WHERE s.deal = d.id AND s.settled_at IS NULL AND s.state = 'active')
         ORDER BY d.id
           FOR NO KEY UPDATE SKIP LOCKED
    )
    UPDATE deals AS d SET all_settled_at = muster_now() FROM done WHERE d.id = done.id
$$;
