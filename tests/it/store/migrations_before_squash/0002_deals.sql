-- Deals, and who joined them.

-- Which history of Postgres a deal's version belongs to. After a failover that lost commits, versions start again lower
-- than what Redis and browsers have seen; a higher epoch makes the truth win over them.
CREATE TABLE epoch (
    only_row          boolean PRIMARY KEY DEFAULT true CONSTRAINT epoch_has_one_row CHECK (only_row),
    epoch             bigint  NOT NULL,
    -- NULL until the first node connects.
    system_identifier bigint,
    timeline          text
);
INSERT INTO epoch (epoch) VALUES (1);

-- Compares where this server's history stands with what was noted, and begins a new epoch if it is another one. Called by
-- every node when it connects. The timeline is taken from the WAL position: the control file lags behind a promotion.
CREATE FUNCTION check_epoch() RETURNS bigint
    LANGUAGE plpgsql VOLATILE
    AS $$
DECLARE
    here_system   bigint := (SELECT s.system_identifier FROM pg_control_system() AS s);
    here_timeline text := left(pg_walfile_name(pg_current_wal_lsn()), 8);
    noted         epoch%ROWTYPE;
BEGIN
    SELECT * INTO noted FROM epoch;
    IF noted.system_identifier = here_system AND noted.timeline = here_timeline THEN
        RETURN noted.epoch;
    END IF;
    SELECT * INTO noted FROM epoch FOR UPDATE;
    IF noted.system_identifier IS NULL THEN
        UPDATE epoch SET system_identifier = here_system, timeline = here_timeline;
    ELSIF noted.system_identifier <> here_system OR noted.timeline <> here_timeline THEN
        RETURN begin_epoch();
    END IF;
    RETURN (SELECT e.epoch FROM epoch AS e);
END
$$;

-- Begins a new epoch: after a failover, or by hand after a snapshot was restored.
CREATE FUNCTION begin_epoch() RETURNS bigint
    LANGUAGE sql VOLATILE
    AS $$
    UPDATE epoch
       SET epoch = greatest(epoch.epoch + 1, extract(epoch FROM muster_now())::bigint),
           system_identifier = (SELECT s.system_identifier FROM pg_control_system() AS s),
           timeline = left(pg_walfile_name(pg_current_wal_lsn()), 8)
    RETURNING epoch.epoch
$$;

CREATE TABLE deals (
    id                uuid          PRIMARY KEY,
    merchant          uuid          NOT NULL REFERENCES accounts,

    -- The figures. Every commit of a batch writes them, so no index has one of these columns: the update stays on its page.
    rev               bigint        NOT NULL DEFAULT 1,
    buyers            integer       NOT NULL DEFAULT 0 CONSTRAINT deals_buyers_not_negative CHECK (buyers >= 0),
    units             integer       NOT NULL DEFAULT 0 CONSTRAINT deals_units_not_negative CHECK (units >= 0),
    changed_at        timestamptz   NOT NULL DEFAULT muster_now(),

    state             text          NOT NULL DEFAULT 'draft'
        CONSTRAINT deals_state CHECK (state IN ('draft', 'open', 'tipped', 'succeeded', 'failed', 'withdrawn')),

    -- The terms.
    title             text          NOT NULL CONSTRAINT deals_title_length CHECK (char_length(title) BETWEEN 1 AND 120),
    description       text          NOT NULL CONSTRAINT deals_description_length CHECK (char_length(description) <= 10000),
    price             numeric(14,4) NOT NULL CONSTRAINT deals_price_above_zero CHECK (price > 0),
    face_value        numeric(14,4) NOT NULL,
    currency          text          NOT NULL CONSTRAINT deals_currency_code CHECK (currency ~ '^[A-Z]{3}$'),
    tipping_point     integer       NOT NULL CONSTRAINT deals_tipping_point_at_least_one CHECK (tipping_point >= 1),
    cap               integer,
    per_buyer_max     integer       NOT NULL CONSTRAINT deals_per_buyer_max_at_least_one CHECK (per_buyer_max >= 1),
    opens_at          timestamptz   NOT NULL,
    closes_at         timestamptz   NOT NULL,
    time_zone         text          NOT NULL,
    coupon_expires_at timestamptz   NOT NULL,
    city              text,
    category          text,
    -- The name of a drawn picture that Muster ships; NULL: a drawing made from the deal's id.
    picture           text,

    -- Rises when the texts change: what If-Match compares.
    version           bigint        NOT NULL DEFAULT 1,
    created_at        timestamptz   NOT NULL DEFAULT muster_now(),
    published_at      timestamptz,
    tipped_at         timestamptz,
    ended_at          timestamptz,
    -- Set when the deal is over and no signup waits for its coupons: the settler need not look again.
    all_settled_at    timestamptz,
    withdrawn_reason  text,

    CONSTRAINT deals_price_below_face_value CHECK (price < face_value),
    CONSTRAINT deals_window CHECK (opens_at < closes_at),
    CONSTRAINT deals_coupons_outlive_window CHECK (coupon_expires_at > closes_at),
    CONSTRAINT deals_cap_reaches_tipping_point CHECK (cap >= tipping_point),
    CONSTRAINT deals_per_buyer_max_within_cap CHECK (per_buyer_max <= cap),
    -- The last line: none of these should ever fire.
    CONSTRAINT deals_never_oversold CHECK (units <= cap),
    CONSTRAINT deals_open_is_below_tipping_point CHECK (state <> 'open' OR buyers < tipping_point),
    CONSTRAINT deals_open_can_still_tip CHECK (state <> 'open' OR cap IS NULL OR cap - units >= tipping_point - buyers),
    CONSTRAINT deals_tipped_at CHECK (
        CASE state
            WHEN 'withdrawn' THEN true
            WHEN 'tipped' THEN tipped_at IS NOT NULL
            WHEN 'succeeded' THEN tipped_at IS NOT NULL
            ELSE tipped_at IS NULL
        END),
    CONSTRAINT deals_ended_at CHECK ((state IN ('succeeded', 'failed', 'withdrawn')) = (ended_at IS NOT NULL)),
    CONSTRAINT deals_withdrawn_reason CHECK ((state = 'withdrawn') = (withdrawn_reason IS NOT NULL)),
    CONSTRAINT deals_published CHECK (state IN ('draft', 'withdrawn') OR published_at IS NOT NULL)
) WITH (
    -- Room on each page for the versions that the next commits write; long texts live elsewhere, so that a version is short.
    fillfactor = 50,
    toast_tuple_target = 256,
    autovacuum_vacuum_scale_factor = 0.0,
    autovacuum_vacuum_threshold = 500
);
CREATE INDEX deals_of_merchant ON deals (merchant, created_at DESC);
-- What the home page lists and the closer watches.
CREATE INDEX deals_live_by_closing ON deals (closes_at, id) WHERE state IN ('open', 'tipped');
CREATE INDEX deals_by_ending ON deals (ended_at) WHERE ended_at IS NOT NULL;
CREATE INDEX deals_to_settle ON deals (id)
    WHERE tipped_at IS NOT NULL AND all_settled_at IS NULL AND state <> 'withdrawn';

-- One buyer's place in one deal. The id is derived from deal, buyer and idempotency key, so the primary key is what makes
-- a retry safe. No foreign keys: the check of one locks a row of the other table for each join, and `commit_signups`
-- has the deal locked already; the buyer was authenticated, and may be erased later.
CREATE TABLE signups (
    deal       uuid        NOT NULL,
    id         uuid        NOT NULL,
    buyer      uuid        NOT NULL,
    units      integer     NOT NULL CONSTRAINT signups_units_at_least_one CHECK (units >= 1),
    -- "You are buyer 17": the deal's buyers right after this signup.
    number     integer     NOT NULL CONSTRAINT signups_number_at_least_one CHECK (number >= 1),
    -- The deal's version that this signup made: signups of a deal in their order.
    rev        bigint      NOT NULL,
    state      text        NOT NULL DEFAULT 'active' CONSTRAINT signups_state CHECK (state IN ('active', 'left')),
    joined_at  timestamptz NOT NULL,
    left_at    timestamptz CONSTRAINT signups_left_at CHECK ((state = 'left') = (left_at IS NOT NULL)),
    settled_at timestamptz CONSTRAINT signups_settled_are_active CHECK (settled_at IS NULL OR state = 'active'),
    PRIMARY KEY (deal, id)
);
CREATE INDEX signups_of_buyer ON signups (buyer, joined_at DESC);
-- What the settler works through; empty for a deal that is settled.
CREATE INDEX signups_to_settle ON signups (deal, rev) WHERE settled_at IS NULL AND state = 'active';

-- How many units each buyer holds: one look-up for the limit, and who ever had a signup (0 units after leaving).
CREATE TABLE deal_buyers (
    deal  uuid    NOT NULL,
    buyer uuid    NOT NULL,
    units integer NOT NULL CONSTRAINT deal_buyers_units_not_negative CHECK (units >= 0),
    -- The deal's version of the last change: what decides in Redis which of two absolute figures is newer.
    rev   bigint  NOT NULL,
    PRIMARY KEY (deal, buyer)
) WITH (fillfactor = 90);

-- Everything that a person must hear of. One row per event (`account` NULL), which its worker expands into one row per buyer.
CREATE TABLE outbox (
    id           bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    -- What makes an event exist once: 'tip:' and the deal, and so on.
    key          text        NOT NULL CONSTRAINT outbox_key_is_unique UNIQUE,
    kind         text        NOT NULL CONSTRAINT outbox_kind CHECK (kind IN ('deal_tipped', 'deal_failed', 'coupon_ready')),
    deal         uuid        NOT NULL,
    -- NULL: the event itself, to be expanded.
    account      uuid,
    signup       uuid,
    created_at   timestamptz NOT NULL DEFAULT muster_now(),
    next_at      timestamptz NOT NULL DEFAULT muster_now(),
    attempts     integer     NOT NULL DEFAULT 0,
    -- How far an event was expanded: the last buyer that has a row.
    expanded_to  uuid,
    delivered_at timestamptz,
    -- Given up after twelve attempts: a person has to look.
    parked_at    timestamptz,
    last_error   text
);
CREATE INDEX outbox_due ON outbox (next_at) WHERE delivered_at IS NULL AND parked_at IS NULL;
CREATE INDEX outbox_events_of_deal ON outbox (deal) WHERE account IS NULL;
