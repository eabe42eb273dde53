//! Deals in Redis, under a prefix of their own and without Postgres.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use muster::domain::{AccountId, DealId, DealState, JoinRequest, Progress, SignupId, Units};
use muster::quota::{
    Admission, Answer, Begun, BuyerUnits, Change, HoldsInRedis, Keys, LinkEvent, Quota, Settings, Snapshot,
};
use redis::aio::MultiplexedConnection;
use redis::{AsyncCommands, RedisError, Script, Value};

use crate::support::servers::Backend;

pub const HOLD_TTL: Duration = Duration::from_secs(15);

/// The fixed time of tests that do not move the clock.
pub fn now() -> DateTime<Utc> {
    "2026-11-22T12:00:00Z".parse().unwrap()
}

pub fn new_deal() -> DealId {
    DealId::generate()
}

pub fn new_buyer() -> AccountId {
    AccountId::generate()
}

/// An open deal that needs 10 buyers, has a cap of 100 units, and has sold nothing.
pub fn open(deal: DealId) -> Progress {
    Progress {
        deal,
        epoch: 1,
        rev: 1,
        state: DealState::Open,
        buyers: 0,
        units: 0,
        tipping_point: 10,
        cap: Some(100),
        closes_at: now() + TimeDelta::hours(1),
    }
}

pub fn request(deal: DealId, buyer: AccountId, units: u32) -> JoinRequest {
    let id = AccountId::generate().as_uuid().into();
    JoinRequest { id, deal, buyer, units: Units::new(units.into()).unwrap() }
}

pub struct Harness {
    pub quota: Quota,
    pub redis: MultiplexedConnection,
    pub keys: Keys,
    pub run_id: String,
    url: String,
    _backend: Backend,
}

impl Harness {
    pub async fn start() -> Self {
        let backend = Backend::redis_only().await;
        let settings = Settings {
            url: backend.redis_url.clone().into(),
            prefix: backend.name.clone(),
            hold_ttl: HOLD_TTL,
            connect_timeout: Duration::from_secs(5),
            response_timeout: Duration::from_secs(5),
            keep_after_closing: Duration::from_hours(1),
            allow_eviction: false,
        };
        let quota = Quota::connect(settings).await.unwrap();
        allow_admission(&quota);
        let client = redis::Client::open(backend.redis_url.as_str()).unwrap();
        let mut redis = client.get_multiplexed_async_connection().await.unwrap();
        let info: redis::InfoDict = redis::cmd("INFO").query_async(&mut redis).await.unwrap();
        let (keys, url) = (Keys::new(&backend.name), backend.redis_url.clone());
        Self { quota, redis, keys, run_id: info.get("run_id").unwrap(), url, _backend: backend }
    }

    /// A connection that is subscribed to a deal's channel.
    pub async fn bus(&self, deal: DealId) -> redis::aio::PubSub {
        let client = redis::Client::open(self.url.as_str()).unwrap();
        let mut bus = client.get_async_pubsub().await.unwrap();
        bus.subscribe(self.keys.channel(deal)).await.unwrap();
        bus
    }

    /// Loads a deal the way the engine does.
    pub async fn load(&self, progress: Progress, buyers: &[BuyerUnits]) {
        let Begun::Begun(load) = self.quota.begin_load(progress.deal).await.unwrap() else {
            panic!("the load did not begin")
        };
        load.buyers(buyers).await.unwrap().unwrap();
        load.finish(&snapshot(progress)).await.unwrap().unwrap();
    }

    pub async fn admit(&self, requests: &[JoinRequest]) -> Vec<Answer> {
        self.admit_at(requests, now()).await
    }

    pub async fn admit_at(&self, requests: &[JoinRequest], at: DateTime<Utc>) -> Vec<Answer> {
        match self.quota.admit(requests[0].deal, requests, at.timestamp_millis()).await.unwrap() {
            Admission::Answers(answers) => answers,
            Admission::Load => panic!("the deal is not loaded"),
        }
    }

    /// Admits a single request.
    pub async fn admit_one(&self, request: JoinRequest) -> Answer {
        self.admit(&[request]).await[0]
    }

    pub async fn must_be_loaded(&self, deal: DealId) -> bool {
        let admission =
            self.quota.admit(deal, &[request(deal, new_buyer(), 1)], now().timestamp_millis()).await.unwrap();
        admission == Admission::Load
    }

    pub async fn apply(
        &self,
        progress: Progress,
        rev_before: i64,
        done: &[SignupId],
        buyers: &[BuyerUnits],
    ) -> &'static str {
        let opens_at = snapshot(progress).opens_at;
        let change = Change { progress, opens_at, rev_before, done: done.to_vec(), buyers: buyers.to_vec() };
        match self.quota.apply(&change).await.unwrap() {
            muster::quota::Applied::Newer => "newer",
            muster::quota::Applied::Same => "same",
            muster::quota::Applied::Stale => "stale",
            muster::quota::Applied::Missing => "missing",
        }
    }

    /// The holds, after checking their invariants.
    pub async fn holds(&self, deal: DealId) -> HoldsInRedis {
        let holds = self.quota.holds(deal).await.unwrap();
        assert_eq!((holds.sum_units, holds.sum_new), (holds.units, holds.new), "the sums equal the holds");
        assert_eq!(holds.without_end, 0, "every hold expires");
        holds
    }

    /// Makes a hold expire.
    pub async fn expire_hold(&self, deal: DealId, signup: SignupId) {
        let () = self.redis.clone().zadd(self.keys.holds(deal), signup.to_string(), 1).await.unwrap();
    }

    /// The deal's quota, buyers, holds, held and ranges in Redis, as text, without the fields that depend on the time.
    pub async fn dump(&self, deal: DealId) -> String {
        let mut redis = self.redis.clone();
        let mut text = String::new();
        for key in [self.keys.quota(deal), self.keys.buyers(deal), self.keys.held(deal)] {
            let mut fields: BTreeMap<String, String> = redis.hgetall(&key).await.unwrap();
            for timed in ["token", "begun_ms", "ends_ms", "=ends"] {
                fields.remove(timed);
            }
            writeln!(text, "{key} {fields:?}").unwrap();
        }
        for key in [self.keys.holds(deal), self.keys.ranges(deal)] {
            let mut members: Vec<String> = redis.zrange(&key, 0, -1).await.unwrap();
            members.sort();
            writeln!(text, "{key} {members:?}").unwrap();
        }
        text.replace(&deal.to_string(), "DEAL")
    }

    /// Runs a script by its name, with arguments that [`Quota`] would never send.
    pub async fn run(&self, script: &str, keys: &[String], arguments: &[&str]) -> Result<Value, RedisError> {
        let script = Script::new(&source(script));
        let mut call = script.prepare_invoke();
        for key in keys {
            call.key(key);
        }
        for argument in arguments {
            call.arg(*argument);
        }
        call.invoke_async(&mut self.redis.clone()).await
    }

    /// The time to live of a key, in ms.
    pub async fn ttl_ms(&self, key: String) -> i64 {
        self.redis.clone().pttl(key).await.unwrap()
    }
}

/// Lets Redis admit joins, as the engine does after catching up.
fn allow_admission(quota: &Quota) {
    let event = quota.link_events().borrow().clone();
    let LinkEvent::CatchingUp(link) = event else { panic!("Redis is not connected") };
    quota.admit_over(&link);
}

pub fn snapshot(progress: Progress) -> Snapshot {
    Snapshot { progress, opens_at: now() - TimeDelta::hours(1), now: now() }
}

/// A script as Muster compiles it.
fn source(name: &str) -> String {
    let lua = concat!(env!("CARGO_MANIFEST_DIR"), "/lua");
    let read = |name: &str| std::fs::read_to_string(format!("{lua}/{name}.lua")).unwrap();
    let uses_holds = matches!(name, "admit" | "apply" | "release");
    format!("{}{}", if uses_holds { read("holds") } else { String::new() }, read(name))
}
