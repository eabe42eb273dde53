-- The schema. Functions that only the application calls are in sql/functions, and are replaced when a new version starts.
--
-- Deals and signups refer to people by id only, so a person's data can be erased while deals and signups stay.

-- The time of every decision. Callers read it after they hold their locks: `now()` is the start of the transaction, which
-- may have waited for a lock across a deadline. Tests replace this function to move time.
CREATE FUNCTION muster_now() RETURNS timestamptz
    LANGUAGE sql VOLATILE
    AS 'SELECT clock_timestamp()';

-- People, and how they prove who they are.

CREATE TABLE accounts (
    id            uuid        PRIMARY KEY,
    -- People sign in with it, so it is unique. The domain stores it in lower case.
    email         text        NOT NULL CONSTRAINT accounts_email_is_taken UNIQUE,
    -- What merchants see in their list of signups, and what mails say.
    name          text        NOT NULL CONSTRAINT accounts_name_length CHECK (char_length(name) BETWEEN 1 AND 80),
    -- What the account may do at most; a token can allow less.
    role          text        NOT NULL CONSTRAINT accounts_role CHECK (role IN ('buyer', 'merchant', 'operator')),
    -- Argon2id in PHC form. NULL: no sign-in with a password, as for accounts created in bulk for load tests.
    password_hash text,
    created_at    timestamptz NOT NULL DEFAULT muster_now()
);

-- API tokens.
CREATE TABLE tokens (
    -- Names the token in lists and when it is revoked, without revealing it.
    id           uuid        PRIMARY KEY,
    account      uuid        NOT NULL REFERENCES accounts ON DELETE CASCADE,
    -- The SHA-256 of the token. A token has 160 random bits, so it needs no slow hash.
    hash         bytea       NOT NULL CONSTRAINT tokens_hash_is_unique UNIQUE
                             CONSTRAINT tokens_hash_length CHECK (octet_length(hash) = 32),
    -- The owner's name for it: which script or device uses it.
    label        text        NOT NULL CONSTRAINT tokens_label_length CHECK (char_length(label) BETWEEN 1 AND 80),
    -- NULL: everything that the account may do.
    scopes       text[],
    created_at   timestamptz NOT NULL DEFAULT muster_now(),
    -- NULL: valid until it is revoked.
    expires_at   timestamptz,
    -- Lets an owner find tokens that nothing uses. Written now and then, not with each request.
    last_used_at timestamptz,
    -- When it stopped being valid. Revoking it again keeps the first time.
    revoked_at   timestamptz
);
CREATE INDEX tokens_of_account ON tokens (account);

-- Browser sessions.
CREATE TABLE sessions (
    -- The SHA-256 of the cookie's 256 random bits.
    hash         bytea       PRIMARY KEY CONSTRAINT sessions_hash_length CHECK (octet_length(hash) = 32),
    account      uuid        NOT NULL REFERENCES accounts ON DELETE CASCADE,
    created_at   timestamptz NOT NULL DEFAULT muster_now(),
    expires_at   timestamptz NOT NULL
);
CREATE INDEX sessions_of_account ON sessions (account);
-- For the worker that deletes expired sessions.
CREATE INDEX sessions_by_expiry ON sessions (expires_at);

-- Deals, and the signups in them.

-- The Postgres history that the deals' versions belong to. A failover that loses commits sets versions back below what Redis
-- and browsers have seen. A higher epoch then makes the lower versions win.
CREATE TABLE epoch (
    only_row          boolean PRIMARY KEY DEFAULT true CONSTRAINT epoch_has_one_row CHECK (only_row),
    epoch             bigint  NOT NULL,
    -- The server that the epoch was recorded on. NULL until the first node connects.
    system_identifier bigint,
    -- Its timeline, in hexadecimal. A promotion changes it.
    timeline          text
);
INSERT INTO epoch (epoch) VALUES (1);

CREATE TABLE deals (
    id                uuid          PRIMARY KEY,
    merchant          uuid          NOT NULL REFERENCES accounts,

    -- The figures. Every committed batch writes them, so no index may cover one of them: the update stays on its page.

    -- Rises with every change of the row. Together with the epoch it orders what Redis and browsers receive.
    rev               bigint        NOT NULL DEFAULT 1,
    -- Distinct buyers with at least one active signup; compared with the tipping point.
    buyers            integer       NOT NULL DEFAULT 0 CONSTRAINT deals_buyers_not_negative CHECK (buyers >= 0),
    -- Units of all active signups; compared with the cap.
    units             integer       NOT NULL DEFAULT 0 CONSTRAINT deals_units_not_negative CHECK (units >= 0),
    changed_at        timestamptz   NOT NULL DEFAULT muster_now(),

    state             text          NOT NULL DEFAULT 'draft',

    -- The terms.

    title             text          NOT NULL,
    description       text          NOT NULL,
    -- Four decimal places cover every currency of ISO 4217.
    price             numeric(14,4) NOT NULL,
    face_value        numeric(14,4) NOT NULL,
    -- The ISO 4217 code of both amounts.
    currency          text          NOT NULL,
    -- The number of distinct buyers that makes the deal happen.
    tipping_point     integer       NOT NULL,
    -- The most units that the deal sells. NULL: no limit.
    cap               integer,
    per_buyer_max     integer       NOT NULL,
    opens_at          timestamptz   NOT NULL,
    closes_at         timestamptz   NOT NULL,
    -- The IANA zone in which pages and mails show the deal's times.
    time_zone         text          NOT NULL,
    coupon_expires_at timestamptz   NOT NULL,
    city              text,
    category          text,
    -- The name of a picture that Muster ships. NULL: a drawing made from the deal's id.
    picture           text,

    -- Rises when the texts or the state change; If-Match compares it. `rev` would fail an edit whenever somebody joins.
    version           bigint        NOT NULL DEFAULT 1,
    created_at        timestamptz   NOT NULL DEFAULT muster_now(),
    published_at      timestamptz,
    tipped_at         timestamptz,
    ended_at          timestamptz,
    -- Set when the deal has ended and every signup has its coupons: the settler skips the deal from then on.
    all_settled_at    timestamptz,
    withdrawn_reason  text,

    -- A defence in depth: the functions decide first, so none of these should ever fail. A batch of joins can break only these;
    -- `check_deal` checks the other rules.
    CONSTRAINT deals_never_oversold CHECK (units <= cap),
    CONSTRAINT deals_open_is_below_tipping_point CHECK (state <> 'open' OR buyers < tipping_point),
    CONSTRAINT deals_open_can_still_tip CHECK (state <> 'open' OR cap IS NULL OR cap - units >= tipping_point - buyers)
) WITH (
    -- Half of each page stays free for the next versions of its rows, and long texts move out of line to keep versions short.
    fillfactor = 50,
    toast_tuple_target = 256,
    -- A busy deal leaves a dead version with each batch, so vacuum comes after a fixed number of them, however large the table.
    autovacuum_vacuum_scale_factor = 0.0,
    autovacuum_vacuum_threshold = 500
);
CREATE INDEX deals_of_merchant ON deals (merchant, created_at DESC);
-- For the home page and the closer.
CREATE INDEX deals_live_by_closing ON deals (closes_at, id) WHERE state IN ('open', 'tipped');
CREATE INDEX deals_by_ending ON deals (ended_at) WHERE ended_at IS NOT NULL;
CREATE INDEX deals_to_settle ON deals (id)
    WHERE tipped_at IS NOT NULL AND all_settled_at IS NULL AND state <> 'withdrawn';

-- The rules of a deal that no join can break. A trigger checks them only when a statement writes one of their columns:
-- Postgres prepares the expressions of all CHECK constraints for each statement, which took a quarter of a join's time.
CREATE FUNCTION check_deal() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
DECLARE
    broken text := CASE
        WHEN NEW.state NOT IN ('draft', 'open', 'tipped', 'succeeded', 'failed', 'withdrawn') THEN 'deals_state'
        WHEN NOT char_length(NEW.title) BETWEEN 1 AND 120 THEN 'deals_title_length'
        WHEN NOT char_length(NEW.description) <= 10000 THEN 'deals_description_length'
        WHEN NOT NEW.price > 0 THEN 'deals_price_above_zero'
        WHEN NOT NEW.price < NEW.face_value THEN 'deals_price_below_face_value'
        WHEN NOT NEW.currency ~ '^[A-Z]{3}$' THEN 'deals_currency_code'
        WHEN NOT NEW.tipping_point >= 1 THEN 'deals_tipping_point_at_least_one'
        WHEN NOT NEW.per_buyer_max >= 1 THEN 'deals_per_buyer_max_at_least_one'
        WHEN NOT NEW.opens_at < NEW.closes_at THEN 'deals_window'
        WHEN NOT NEW.coupon_expires_at > NEW.closes_at THEN 'deals_coupons_outlive_window'
        WHEN NOT NEW.cap >= NEW.tipping_point THEN 'deals_cap_reaches_tipping_point'
        WHEN NOT NEW.per_buyer_max <= NEW.cap THEN 'deals_per_buyer_max_within_cap'
        WHEN NEW.state <> 'withdrawn' AND (NEW.state IN ('tipped', 'succeeded')) <> (NEW.tipped_at IS NOT NULL)
            THEN 'deals_tipped_at'
        WHEN (NEW.state IN ('succeeded', 'failed', 'withdrawn')) <> (NEW.ended_at IS NOT NULL) THEN 'deals_ended_at'
        WHEN (NEW.state = 'withdrawn') <> (NEW.withdrawn_reason IS NOT NULL) THEN 'deals_withdrawn_reason'
        WHEN NOT (NEW.state IN ('draft', 'withdrawn') OR NEW.published_at IS NOT NULL) THEN 'deals_published'
        END;
BEGIN
    IF broken IS NOT NULL THEN
        RAISE EXCEPTION 'a deal would violate %', broken
            USING ERRCODE = 'check_violation', SCHEMA = 'public', TABLE = 'deals', CONSTRAINT = broken;
    END IF;
    RETURN NULL;
END
$$;

CREATE TRIGGER deals_check
    AFTER INSERT OR UPDATE OF state, title, description, price, face_value, currency, tipping_point, cap, per_buyer_max, opens_at,
        closes_at, coupon_expires_at, published_at, tipped_at, ended_at, withdrawn_reason
    ON deals FOR EACH ROW EXECUTE FUNCTION check_deal();

-- One buyer's place in one deal. Nodes write it through `commit_signups` and `commit_leaves` only.
--
-- There are no foreign keys: each check of one would lock a row of the other table. `commit_signups` holds the lock of the deal,
-- the buyer was authenticated, and the account may be erased later.
CREATE TABLE signups (
    deal       uuid        NOT NULL,
    -- Derived from deal, buyer and idempotency key, so the primary key makes a retry safe.
    id         uuid        NOT NULL,
    buyer      uuid        NOT NULL,
    units      integer     NOT NULL CONSTRAINT signups_units_at_least_one CHECK (units >= 1),
    -- The deal's buyers right after this signup, for "You are buyer 17".
    number     integer     NOT NULL CONSTRAINT signups_number_at_least_one CHECK (number >= 1),
    -- The deal's `rev` that this signup created. Signups of a deal in this order are in the order of their commits.
    rev        bigint      NOT NULL,
    state      text        NOT NULL DEFAULT 'active' CONSTRAINT signups_state CHECK (state IN ('active', 'left')),
    joined_at  timestamptz NOT NULL,
    left_at    timestamptz CONSTRAINT signups_left_at CHECK ((state = 'left') = (left_at IS NOT NULL)),
    -- Kept for compatibility, and NULL in every new row: marks signups that were settled before the table `settling` existed. The
    -- settler skips marked signups.
    settled_at timestamptz,
    -- The buyer's units in this deal as of the deal's `rev` = `held_rev`. Only the buyer's newest signup in the deal (by `rev`)
    -- is current, whether it is active or left. `held_rev` tells Redis which of two absolute figures is newer.
    held       integer     NOT NULL CONSTRAINT signups_held_not_negative CHECK (held >= 0),
    held_rev   bigint      NOT NULL,
    PRIMARY KEY (deal, id),
    -- The settler works through a deal's signups in this order.
    CONSTRAINT signups_rev_is_taken UNIQUE (deal, rev)
);
-- For a buyer's own list, and for their newest signup in a deal.
CREATE INDEX signups_of_buyer ON signups (buyer, deal, rev);

-- How many units each buyer holds in each deal: 0 for a buyer who left. Kept for compatibility, in place of a table of this name.
-- It is slow for a whole deal, so hot paths read the newest signup instead.
CREATE VIEW deal_buyers AS
    SELECT DISTINCT ON (s.deal, s.buyer) s.deal, s.buyer, s.held AS units, s.held_rev AS rev
      FROM signups AS s
     ORDER BY s.deal, s.buyer, s.rev DESC;

-- What `commit_signups` returns; sql/functions/commit_signups.sql explains the fields.
CREATE TYPE commit_answer AS (
    ord integer, outcome text, deal uuid, number integer, signup_state text, bound integer,
    buyer_units integer, buyer_rev bigint,
    epoch bigint, rev bigint, rev_before bigint, state text, buyers integer, units integer,
    tipping_point integer, cap integer, closes_at timestamptz, decided_at timestamptz);

-- Coupons of tipped deals.

-- How far each deal is settled. One number is enough: signups have their `rev` in the order of their commits, and nobody can
-- leave a tipped deal.
CREATE TABLE settling (
    deal        uuid   PRIMARY KEY,
    -- Every active signup up to this `rev` has all its coupons.
    settled_rev bigint NOT NULL
);

CREATE TABLE coupons (
    deal           uuid        NOT NULL,
    signup         uuid        NOT NULL,
    -- The units of a signup are numbered from 1, and each has one coupon.
    ordinal        integer     NOT NULL CONSTRAINT coupons_ordinal_at_least_one CHECK (ordinal >= 1),
    -- Derived from signup and ordinal. The code is a keyed hash of it.
    id             uuid        NOT NULL,
    -- Copied from the signup, for the buyer's list of coupons.
    buyer          uuid        NOT NULL,
    -- Which of the configured keys made the code. The code itself is not stored.
    key_id         smallint    NOT NULL,
    issued_at      timestamptz NOT NULL,
    redeemed_at    timestamptz,
    -- The merchant's name for the till.
    redeemed_where text,
    -- The account that redeemed it.
    redeemed_by    uuid,
    -- The Idempotency-Key of the request that redeemed it, if that had one. It makes a retry answer `replay`.
    redeemed_key   text,
    PRIMARY KEY (deal, signup, ordinal),
    CONSTRAINT coupons_redeemed CHECK ((redeemed_at IS NULL) = (redeemed_by IS NULL))
);
CREATE INDEX coupons_of_buyer ON coupons (buyer, issued_at DESC);
CREATE INDEX coupons_redeemed_of_deal ON coupons (deal, redeemed_at DESC) WHERE redeemed_at IS NOT NULL;

-- Finds a coupon by its code. It is a table of its own so that coupons can be partitioned by deal later.
CREATE TABLE coupon_codes (
    -- Another keyed hash of the code, so a stolen database contains no usable code.
    lookup  bytea    PRIMARY KEY CONSTRAINT coupon_codes_lookup_length CHECK (octet_length(lookup) = 32),
    deal    uuid     NOT NULL,
    signup  uuid     NOT NULL,
    ordinal integer  NOT NULL
);

-- Wrong codes that a merchant entered: too many of them slow the merchant down.
CREATE TABLE wrong_codes (
    merchant uuid        NOT NULL,
    tried_at timestamptz NOT NULL
);
CREATE INDEX wrong_codes_of_merchant ON wrong_codes (merchant, tried_at);

-- The transactional outbox: everything that people must be told. A row without an account is an event, which the worker expands
-- into one message for each buyer of its deal.
CREATE TABLE outbox (
    -- Identifies a row more briefly than its key.
    id           bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    -- Makes each event and message unique: 'tip:' and the deal's id, and so on. Receivers can drop repetitions by it.
    key          text        NOT NULL CONSTRAINT outbox_key_is_unique UNIQUE,
    kind         text        NOT NULL CONSTRAINT outbox_kind CHECK (kind IN ('deal_tipped', 'deal_failed', 'coupon_ready')),
    deal         uuid        NOT NULL,
    -- The recipient. NULL: an event to be expanded.
    account      uuid,
    -- The signup that the message is about, if it is about one.
    signup       uuid,
    created_at   timestamptz NOT NULL DEFAULT muster_now(),
    -- When the next attempt is due. A worker that claims the row moves it on, so the claims of a dead worker expire.
    next_at      timestamptz NOT NULL DEFAULT muster_now(),
    attempts     integer     NOT NULL DEFAULT 0,
    -- How far an event is expanded: the last buyer who has a message.
    expanded_to  uuid,
    delivered_at timestamptz,
    -- Set after twelve failed attempts. An operator has to decide what to do with it.
    parked_at    timestamptz,
    last_error   text
);
CREATE INDEX outbox_due ON outbox (next_at) WHERE delivered_at IS NULL AND parked_at IS NULL;
CREATE INDEX outbox_events_of_deal ON outbox (deal) WHERE account IS NULL;
-- For the metrics, which count parked messages every few seconds: few among millions of rows.
CREATE INDEX outbox_given_up ON outbox (id) WHERE parked_at IS NOT NULL;
