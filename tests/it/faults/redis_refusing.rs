//! A Redis that is up but unusable: out of memory, unable to save, busy, full of clients, slow or paused. Joins
//! continue without it, and it catches up before it admits again.

use std::time::Duration;

use muster::domain::{DealId, JoinOutcome, Refusal};
use redis::aio::MultiplexedConnection;
use tokio::time::Instant;

use super::crowd::{join_with_retries, wait_until_redis_agrees};
use crate::support::fault::wait_until;
use crate::support::outcomes::{joined, refused};
use crate::support::{self, Person, TestApp};

struct Fixture {
    app: TestApp,
    deal: DealId,
    /// People who have not joined yet, one more than there are units.
    people: Vec<Person>,
    what: &'static str,
    /// Opened before the fault.
    redis: MultiplexedConnection,
}

impl Fixture {
    /// A deal with one buyer, before the fault.
    async fn new(what: &'static str) -> Self {
        let builder = support::app().with_private_servers().with_proxies().with_workers();
        let hasty = builder.with("redis.response_timeout_ms", "400").with("redis.connect_timeout_ms", "400");
        let app = hasty.with("redis.hold_ttl_ms", "2000").start().await;
        let mo = app.merchant("Mo").await;
        let mut people = app.people("Pat", 9).await;
        let deal = app.deal(&mo).tipping_point(1).cap(8).publish().await.id;
        joined(app.engine_join(&people.remove(0), deal, 1, "a").await);
        let redis = app.backend.redis().await;
        Self { app, deal, people, what, redis }
    }

    async fn command(&mut self, command: &[&str]) {
        let () = redis::cmd(command[0]).arg(&command[1..]).query_async(&mut self.redis).await.unwrap();
    }

    /// Asserts that joins succeed during the fault and that Redis is not used.
    async fn assert_joins_continue(&mut self) {
        let since = Instant::now();
        joined(self.app.engine_join(&self.people.remove(0), self.deal, 1, "a").await);
        println!("{}: the first join was answered after {:?}", self.what, since.elapsed());
        wait_until("Redis no longer admits", async || !self.app.engine.admits()).await;
        // A node does not probe Redis with joins: a connection must pass a test write first.
        let mut ticks = tokio::time::interval(Duration::from_millis(10));
        for _ in 0..30 {
            ticks.tick().await;
            assert!(!self.app.engine.admits());
        }
        for person in self.people.drain(..2) {
            joined(self.app.engine_join(&person, self.deal, 1, "a").await);
        }
    }

    /// Asserts that Redis admits again and that exactly the cap is sold.
    async fn assert_recovered(mut self) {
        wait_until_redis_agrees(&self.app, self.deal, self.what).await;
        let late = self.people.pop().unwrap();
        for person in &self.people {
            joined(join_with_retries(&self.app.engine, person, self.deal, "a").await);
        }
        assert_eq!(refused(join_with_retries(&self.app.engine, &late, self.deal, "a").await), Refusal::SoldOut);
        self.app.settle_now().await;
        self.app.assert_clean().await;
    }
}

#[tokio::test]
async fn a_redis_out_of_memory_disables_admission_but_loses_no_join() {
    let mut fixture = Fixture::new("out of memory").await;
    fixture.command(&["CONFIG", "SET", "maxmemory", "1"]).await;
    fixture.assert_joins_continue().await;
    fixture.command(&["CONFIG", "SET", "maxmemory", "0"]).await;
    fixture.assert_recovered().await;
}

#[tokio::test]
async fn a_redis_that_cannot_save_disables_admission_but_loses_no_join() {
    let mut fixture = Fixture::new("cannot save").await;
    // A folder where the dump file would be.
    let in_the_way = fixture.app.servers().folder().join("redis/dump.rdb");
    std::fs::create_dir(&in_the_way).unwrap();
    fixture.command(&["CONFIG", "SET", "save", "3600 1000000"]).await;
    fixture.command(&["BGSAVE"]).await;
    let mut redis = fixture.redis.clone();
    wait_until("the save has failed", async || {
        let info: redis::InfoDict = redis::cmd("INFO").arg("persistence").query_async(&mut redis).await.unwrap();
        info.get::<String>("rdb_last_bgsave_status").unwrap() == "err"
    })
    .await;
    fixture.assert_joins_continue().await;
    std::fs::remove_dir(&in_the_way).unwrap();
    fixture.command(&["CONFIG", "SET", "save", ""]).await;
    fixture.assert_recovered().await;
}

#[tokio::test]
async fn a_redis_busy_with_a_script_disables_admission_but_loses_no_join() {
    let mut fixture = Fixture::new("busy").await;
    fixture.command(&["CONFIG", "SET", "busy-reply-threshold", "20"]).await;
    let mut busy = fixture.app.backend.redis().await;
    let endless = tokio::spawn(async move {
        let script = "while true do end";
        redis::cmd("EVAL").arg(&[script, "0"]).query_async::<redis::Value>(&mut busy).await
    });
    let mut redis = fixture.redis.clone();
    wait_until("Redis is busy", async || redis::cmd("PING").query_async::<String>(&mut redis).await.is_err()).await;
    fixture.assert_joins_continue().await;
    fixture.command(&["SCRIPT", "KILL"]).await;
    assert!(endless.await.unwrap().is_err());
    fixture.assert_recovered().await;
}

#[tokio::test]
async fn a_redis_at_its_client_limit_disables_admission_but_loses_no_join() {
    let mut fixture = Fixture::new("too many clients").await;
    fixture.command(&["CONFIG", "SET", "maxclients", "1"]).await;
    fixture.app.proxies[0].redis.cut();
    fixture.app.proxies[0].redis.restore();
    fixture.assert_joins_continue().await;
    fixture.command(&["CONFIG", "SET", "maxclients", "1000"]).await;
    fixture.assert_recovered().await;
}

#[tokio::test]
async fn a_paused_redis_disables_admission_but_loses_no_join() {
    let mut fixture = Fixture::new("paused").await;
    fixture.app.servers().redis().unwrap().pause();
    fixture.assert_joins_continue().await;
    fixture.app.servers().redis().unwrap().resume();
    fixture.assert_recovered().await;
}

/// The connection is back, but Redis has not caught up yet.
#[tokio::test]
async fn a_reconnected_redis_is_not_used_before_it_has_caught_up() {
    let app = support::app().with_private_servers().with_proxies().start().await;
    let mo = app.merchant("Mo").await;
    let people = app.people("Pat", 3).await;
    let deal = app.deal(&mo).tipping_point(1).cap(1).publish().await.id;
    joined(app.engine_join(&people[0], deal, 1, "a").await);
    app.backend.wait_until_nothing_is_held(deal).await;
    app.proxies[0].redis.cut();
    assert_eq!(refused(app.engine_join(&people[1], deal, 1, "a").await), Refusal::SoldOut, "Postgres refuses the join");
    app.proxies[0].redis.restore();
    let probe = muster::quota::Keys::new(&app.backend.name).probe();
    let mut redis = app.backend.redis().await;
    let exists = async || redis::cmd("EXISTS").arg(&probe).query_async::<bool>(&mut redis).await.unwrap();
    wait_until("the connection is back", exists).await;
    app.backend.sql("ALTER FUNCTION commit_signups RENAME TO out_of_order").await;
    assert_eq!(app.engine_join(&people[2], deal, 1, "a").await, JoinOutcome::Broken, "Postgres decides, not Redis");
    app.engine.catch_up().await.unwrap();
    assert_eq!(refused(app.engine_join(&people[2], deal, 1, "a").await), Refusal::SoldOut, "Redis refuses the join");
    app.backend.sql("ALTER FUNCTION out_of_order RENAME TO commit_signups").await;
    app.settle_now().await;
    app.assert_clean().await;
}

/// The node cannot know whether the call was executed; Postgres decides.
#[tokio::test]
async fn a_redis_that_replies_after_a_second_disables_admission_but_loses_no_join() {
    let mut fixture = Fixture::new("replies after a second").await;
    fixture.app.proxies[0].redis.delay_replies(Duration::from_secs(1));
    fixture.assert_joins_continue().await;
    fixture.app.proxies[0].redis.delay_replies(Duration::ZERO);
    fixture.assert_recovered().await;
}

#[tokio::test]
async fn a_severed_connection_to_redis_disables_admission_but_loses_no_join() {
    let mut fixture = Fixture::new("cut off").await;
    fixture.app.proxies[0].redis.cut();
    fixture.assert_joins_continue().await;
    fixture.app.proxies[0].redis.restore();
    fixture.assert_recovered().await;
}
