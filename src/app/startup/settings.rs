//! Picks the settings of each part from the configuration.

use std::time::Duration;

use crate::config::Config;
use crate::engine::{CodeKeys, LaneSettings};
use crate::{quota, store};

/// How long a deal's keys stay in Redis after its window. They answer late retries.
const KEEP_AFTER_CLOSING: Duration = Duration::from_hours(1);

pub(super) fn store(config: &Config) -> store::Settings {
    store::Settings {
        url: config.postgres.database_url.clone(),
        pool_max: config.postgres.pool_max,
        acquire_timeout: config.postgres.acquire_timeout,
        statement_timeout: config.postgres.statement_timeout,
        lock_timeout: config.postgres.lock_timeout,
        lane_lock_timeout: config.lanes.lock_timeout,
    }
}

pub(super) fn quota(config: &Config) -> quota::Settings {
    quota::Settings {
        url: config.redis.url.clone(),
        prefix: config.redis.prefix.clone(),
        hold_ttl: config.redis.hold_ttl,
        connect_timeout: config.redis.connect_timeout,
        response_timeout: config.redis.response_timeout,
        keep_after_closing: KEEP_AFTER_CLOSING,
        allow_eviction: config.redis.allow_eviction,
    }
}

pub(super) fn lanes(config: &Config) -> LaneSettings {
    LaneSettings {
        count: config.lanes.count,
        batch_max: config.lanes.batch_max,
        queue_max: config.lanes.queue_max,
        deal_share_percent: config.lanes.deal_share_percent,
        queue_wait_max: config.lanes.queue_wait_max,
        reply_after: config.lanes.reply_after,
        degraded_in_flight_max: config.lanes.degraded_in_flight_max,
        renew_every: config.redis.hold_ttl / 3,
    }
}

pub(super) fn codes(config: &Config) -> CodeKeys {
    let security = &config.security;
    let coupon = security.coupon_keys.iter().map(|key| (key.id(), *key.secret())).collect();
    CodeKeys::new(coupon, security.coupon_lookup_keys.iter().map(|key| *key.secret()).collect())
}
