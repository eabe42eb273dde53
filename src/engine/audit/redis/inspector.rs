//! Reads everything that Redis stores, for the audit.
//!
//! It uses a connection of the pool and reads in small chunks. So no large or slow reply delays joins, and a failure
//! does not take the node's connection out of use.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use deadpool_redis::Connection;
use redis::InfoDict;

use crate::domain::{AccountId, DealId, DealState};
use crate::quota::{InspectError, Keys, Quota, WHOLE};

/// The approximate number of entries or keys in one reply.
const CHUNK: usize = 1_000;
/// The maximum number of attempts to read a deal that is reloaded during the read.
const ATTEMPTS_MAX: usize = 3;

/// A loaded deal in Redis. The audit reads it before Postgres, so it may only be older.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct QuotaInRedis {
    /// Epoch of the figures.
    pub(super) epoch: i64,
    /// Version of the figures.
    pub(super) rev: i64,
    /// The version up to which Redis has every change.
    pub(super) applied: i64,
    /// The deal's state.
    pub(super) state: DealState,
    /// Distinct buyers.
    pub(super) buyer_count: u32,
    /// Units taken.
    pub(super) units: u32,
    /// The number of distinct buyers at which the deal tips.
    pub(super) tipping_point: u32,
    /// The maximum number of units that the deal sells; `None` without a limit.
    pub(super) cap: Option<u32>,
    /// When the window begins, in Unix milliseconds.
    pub(super) opens_ms: i64,
    /// When the window ends, in Unix milliseconds.
    pub(super) closes_ms: i64,
    /// Each buyer's units, and the version of their last change.
    pub(super) buyers: HashMap<AccountId, (u32, i64)>,
}

/// A deal in Redis.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum DealSeen {
    /// Not loaded, evicted, loaded into another run of Redis, or reloaded during every attempt to read it.
    NotLoaded,
    /// Loaded.
    Loaded(Box<QuotaInRedis>),
    /// A field cannot be read: its name and value.
    Unreadable(String),
}

/// A hold, with its parts from both keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct HoldSeen {
    /// The units that the hold blocks.
    pub(super) units: i64,
    /// 1 for a stranger, 0 for a known buyer.
    pub(super) new: i64,
    /// When the hold expires, in ms by the clock of Redis. `None` if it never expires.
    pub(super) ends_ms: Option<i64>,
}

/// A deal's holds at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct HoldsSeen {
    /// The time of the read, in ms by the clock of Redis.
    pub(super) now_ms: i64,
    /// The sum of units that admission reads.
    pub(super) sum_units: i64,
    /// The sum of new buyers that admission reads.
    pub(super) sum_new: i64,
    /// The holds by their signups' ids, as text.
    pub(super) holds: HashMap<String, HoldSeen>,
    /// Whether both keys expire or are missing.
    pub(super) keys_expire: bool,
}

/// Keys that no version of Muster creates.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Strays {
    /// Number of keys checked.
    pub(super) looked_at: u64,
    /// Keys under the prefix that have no hash tag, or an unknown name.
    pub(super) untagged: Vec<String>,
    /// Keys outside the prefix whose names contain a UUID, by this UUID as a deal's id.
    pub(super) outside: HashMap<DealId, String>,
}

/// Reads Redis for the audit.
pub(in crate::engine::audit) struct Inspector {
    keys: Arc<Keys>,
    hold_ttl: Duration,
    run_id: String,
    connection: Connection,
}

const FIELDS: [&str; 13] = [
    "run_id",
    "loaded",
    "token",
    "epoch",
    "rev",
    "applied",
    "state",
    "buyers",
    "units",
    "tipping_point",
    "cap",
    "opens_ms",
    "closes_ms",
];

impl Inspector {
    /// Begins to read Redis.
    ///
    /// # Errors
    /// Redis is unavailable.
    pub(in crate::engine::audit) async fn open(quota: &Quota) -> Result<Self, InspectError> {
        let mut connection = quota.pooled().await?;
        let info: InfoDict = redis::cmd("INFO").arg("server").query_async(&mut connection).await?;
        let run_id = info.get("run_id").unwrap_or_default();
        Ok(Self { keys: Arc::clone(quota.keys()), hold_ttl: quota.hold_ttl(), run_id, connection })
    }

    /// The TTL of a hold that is not renewed, in ms.
    #[must_use]
    pub(super) fn hold_ttl_ms(&self) -> i64 {
        i64::try_from(self.hold_ttl.as_millis()).unwrap_or(i64::MAX)
    }

    /// Reads a deal. The figures are read first, so the buyers are at least as new as the figures.
    ///
    /// # Errors
    /// Redis is unavailable.
    pub(super) async fn deal(&mut self, deal: DealId) -> Result<DealSeen, InspectError> {
        for _ in 0..ATTEMPTS_MAX {
            let Some(fields) = self.fields(deal).await? else { return Ok(DealSeen::NotLoaded) };
            let buyers = self.buyers(deal).await?;
            let Some(after) = self.fields(deal).await? else { return Ok(DealSeen::NotLoaded) };
            if (fields.get("token"), fields.get("epoch")) == (after.get("token"), after.get("epoch")) {
                return Ok(
                    quota_of(&fields, &buyers).map_or_else(DealSeen::Unreadable, |q| DealSeen::Loaded(Box::new(q)))
                );
            }
        }
        Ok(DealSeen::NotLoaded)
    }

    /// The fields of a deal, or `None` if it is not loaded.
    async fn fields(&mut self, deal: DealId) -> Result<Option<HashMap<&'static str, String>>, InspectError> {
        let mut command = redis::cmd("HMGET");
        command.arg(self.keys.quota(deal)).arg(&FIELDS);
        let mut pipe = redis::pipe();
        pipe.atomic().add_command(command).hexists(self.keys.buyers(deal), WHOLE);
        let (values, is_whole): (Vec<Option<String>>, bool) = pipe.query_async(&mut self.connection).await?;
        let fields: HashMap<_, _> =
            FIELDS.into_iter().zip(values).filter_map(|(name, value)| Some((name, value?))).collect();
        let is = |name: &str, value: &str| fields.get(name).is_some_and(|found| found == value);
        let is_loaded = is("run_id", &self.run_id) && is("loaded", "1") && is_whole;
        Ok(is_loaded.then_some(fields))
    }

    async fn buyers(&mut self, deal: DealId) -> Result<HashMap<String, String>, InspectError> {
        let (mut cursor, mut buyers) = (0_u64, HashMap::new());
        loop {
            let mut scan = redis::cmd("HSCAN");
            scan.arg(self.keys.buyers(deal)).arg(cursor).arg("COUNT").arg(CHUNK);
            let (next, chunk): (u64, Vec<(String, String)>) = scan.query_async(&mut self.connection).await?;
            buyers.extend(chunk.into_iter().filter(|(field, _)| field != WHOLE));
            cursor = next;
            if cursor == 0 {
                return Ok(buyers);
            }
        }
    }

    /// A deal's holds.
    ///
    /// # Errors
    /// Redis is unavailable.
    pub(super) async fn holds(&mut self, deal: DealId) -> Result<HoldsSeen, InspectError> {
        let (units, ends) = (self.keys.held(deal), self.keys.holds(deal));
        let mut pipe = redis::pipe();
        pipe.atomic().hgetall(&units).cmd("ZRANGE").arg(&ends).arg(0).arg(-1).arg("WITHSCORES");
        pipe.cmd("TIME").pttl(&units).pttl(&ends);
        let (entries, ends, (seconds, micros), held_ttl, holds_ttl): HoldsRead =
            pipe.query_async(&mut self.connection).await?;
        let mut seen = HoldsSeen {
            now_ms: seconds * 1000 + micros / 1000,
            // PTTL is -2 if the key is missing, and -1 if the key never expires.
            keys_expire: held_ttl != -1 && holds_ttl != -1,
            ..HoldsSeen::default()
        };
        for (field, value) in entries {
            match field.as_str() {
                "=units" => seen.sum_units = value.parse().unwrap_or(i64::MIN),
                "=new" => seen.sum_new = value.parse().unwrap_or(i64::MIN),
                "=ends" => {}
                _ => {
                    let (units, new) = value.split_once(' ').unwrap_or_default();
                    let hold = HoldSeen {
                        units: units.parse().unwrap_or_default(),
                        new: new.parse().unwrap_or_default(),
                        ends_ms: None,
                    };
                    seen.holds.insert(field, hold);
                }
            }
        }
        for (signup, score) in ends {
            if let Some(hold) = seen.holds.get_mut(&signup) {
                hold.ends_ms = score.parse().ok();
            }
        }
        Ok(seen)
    }

    /// Scans every key, or those that name this deal, for keys that no version of Muster creates.
    ///
    /// # Errors
    /// Redis is unavailable.
    pub(super) async fn strays(&mut self, only: Option<DealId>) -> Result<Strays, InspectError> {
        let (mut cursor, mut strays) = (0_u64, Strays::default());
        loop {
            let mut scan = redis::cmd("SCAN");
            scan.arg(cursor).arg("COUNT").arg(CHUNK);
            let (next, chunk): (u64, Vec<String>) = scan.query_async(&mut self.connection).await?;
            for key in chunk {
                let named = deal_in(&key);
                if only.is_none() || named == only {
                    strays.looked_at += 1;
                    if !self.keys.is_under_prefix(&key) {
                        strays.outside.extend(named.map(|deal| (deal, key)));
                    } else if !self.keys.is_ours(&key) {
                        strays.untagged.push(key);
                    }
                }
            }
            cursor = next;
            if cursor == 0 {
                return Ok(strays);
            }
        }
    }
}

/// The fields of `held`, the members of `holds` with their scores, the time, and the TTL of each key.
type HoldsRead = (HashMap<String, String>, Vec<(String, String)>, (i64, i64), i64, i64);

/// The first UUID in a key's name, with or without the braces of a hash tag.
fn deal_in(key: &str) -> Option<DealId> {
    key.split([':', '{', '}']).find_map(|part| part.parse().ok())
}

fn quota_of(fields: &HashMap<&str, String>, buyers: &HashMap<String, String>) -> Result<QuotaInRedis, String> {
    let buyer = |(id, value): (&String, &String)| {
        let (units, rev) = value.split_once(' ')?;
        Some((id.parse().ok()?, (units.parse().ok()?, rev.parse().ok()?)))
    };
    let read = |entry: (&String, &String)| buyer(entry).ok_or_else(|| format!("buyer {}: {}", entry.0, entry.1));
    Ok(QuotaInRedis {
        epoch: number(fields, "epoch")?,
        rev: number(fields, "rev")?,
        applied: number(fields, "applied")?,
        state: fields.get("state").and_then(|word| DealState::parse(word)).ok_or("state")?,
        buyer_count: number(fields, "buyers")?,
        units: number(fields, "units")?,
        tipping_point: number(fields, "tipping_point")?,
        cap: fields.contains_key("cap").then(|| number(fields, "cap")).transpose()?,
        opens_ms: number(fields, "opens_ms")?,
        closes_ms: number(fields, "closes_ms")?,
        buyers: buyers.iter().map(read).collect::<Result<_, _>>()?,
    })
}

fn number<T: std::str::FromStr>(fields: &HashMap<&str, String>, name: &str) -> Result<T, String> {
    let text = fields.get(name).ok_or_else(|| format!("no {name}"))?;
    text.parse().map_err(|_| format!("{name}: {text}"))
}
