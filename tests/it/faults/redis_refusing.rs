//! Redis that is there and of no use: out of memory, unable to save, busy, full of clients, late, or standing still. Joins go
//! on without it, and it is caught up with before it admits again.

use std::time::Duration;

use muster::domain::{DealId, JoinOutcome, Refusal};
use redis::aio::MultiplexedConnection;
use tokio::time::Instant;

use super::crowd::{is_right_again, join_patiently};
use crate::support::fault::until;
use crate::support::outcomes::{joined, refused};
use crate::support::{self, Person, TestApp};

struct Scene {
    app: TestApp,
    deal: DealId,
    /// Those who have not joined yet; one more than there are places.
    people: Vec<Person>,
    what: &'static str,
    /// Made before anything is wrong.
    redis: MultiplexedConnection,
}

impl Scene {
    /// A deal with a buyer, and nothing wrong yet.
    async fn set(what: &'static str) -> Self {
        let builder = support::app().with_private_servers().wired().with_workers();
        let hasty = builder.with("redis.response_timeout_ms", "400").with("redis.connect_timeout_ms", "400");
        let app = hasty.with("redis.hold_ttl_ms", "2000").start().await;
        let mo = app.merchant("Mo").await;
        let mut people = app.people("Pat", 9).await;
        let deal = app.deal(&mo).tipping_point(1).cap(8).publish().await.id;
        joined(app.join(&people.remove(0), deal, 1, "a").await);
        let redis = app.home.redis().await;
        Self { app, deal, people, what, redis }
    }

    async fn tell(&mut self, command: &[&str]) {
        let () = redis::cmd(command[0]).arg(&command[1..]).query_async(&mut self.redis).await.unwrap();
    }

    /// Whoever comes now joins.
    async fn joins_go_on(&mut self) {
        let since = Instant::now();
        joined(self.app.join(&self.people.remove(0), self.deal, 1, "a").await);
        println!("{}: the first join was answered after {:?}", self.what, since.elapsed());
        until("nobody is admitted there", async || !self.app.engine.admits()).await;
        // Nor is it tried again with joins: a connection is asked to write before it is believed.
        let mut looks = tokio::time::interval(Duration::from_millis(10));
        for _ in 0..30 {
            looks.tick().await;
            assert!(!self.app.engine.admits());
        }
        for person in self.people.drain(..2) {
            joined(self.app.join(&person, self.deal, 1, "a").await);
        }
    }

    /// The fault is over.
    async fn ends_well(mut self) {
        is_right_again(&self.app, self.deal, self.what).await;
        let late = self.people.pop().unwrap();
        for person in &self.people {
            joined(join_patiently(&self.app.engine, person, self.deal, "a").await);
        }
        assert_eq!(refused(join_patiently(&self.app.engine, &late, self.deal, "a").await), Refusal::SoldOut);
        self.app.settle_now().await;
        self.app.assert_clean().await;
    }
}

#[tokio::test]
async fn a_redis_out_of_memory_costs_admission_but_no_join() {
    let mut scene = Scene::set("out of memory").await;
    scene.tell(&["CONFIG", "SET", "maxmemory", "1"]).await;
    scene.joins_go_on().await;
    scene.tell(&["CONFIG", "SET", "maxmemory", "0"]).await;
    scene.ends_well().await;
}

#[tokio::test]
async fn a_redis_that_cannot_save_costs_admission_but_no_join() {
    let mut scene = Scene::set("cannot save").await;
    // A folder in the place of its file.
    let in_the_way = scene.app.servers().folder().join("redis/dump.rdb");
    std::fs::create_dir(&in_the_way).unwrap();
    scene.tell(&["CONFIG", "SET", "save", "3600 1000000"]).await;
    scene.tell(&["BGSAVE"]).await;
    let mut redis = scene.redis.clone();
    until("saving has failed", async || {
        let info: redis::InfoDict = redis::cmd("INFO").arg("persistence").query_async(&mut redis).await.unwrap();
        info.get::<String>("rdb_last_bgsave_status").unwrap() == "err"
    })
    .await;
    scene.joins_go_on().await;
    std::fs::remove_dir(&in_the_way).unwrap();
    scene.tell(&["CONFIG", "SET", "save", ""]).await;
    scene.ends_well().await;
}

#[tokio::test]
async fn a_redis_that_is_busy_in_a_script_costs_admission_but_no_join() {
    let mut scene = Scene::set("busy").await;
    scene.tell(&["CONFIG", "SET", "busy-reply-threshold", "20"]).await;
    let mut busy = scene.app.home.redis().await;
    let endless = tokio::spawn(async move {
        let endless = "while true do end";
        redis::cmd("EVAL").arg(&[endless, "0"]).query_async::<redis::Value>(&mut busy).await
    });
    let mut redis = scene.redis.clone();
    until("it is busy", async || redis::cmd("PING").query_async::<String>(&mut redis).await.is_err()).await;
    scene.joins_go_on().await;
    scene.tell(&["SCRIPT", "KILL"]).await;
    assert!(endless.await.unwrap().is_err());
    scene.ends_well().await;
}

#[tokio::test]
async fn a_redis_without_room_for_clients_costs_admission_but_no_join() {
    let mut scene = Scene::set("too many clients").await;
    scene.tell(&["CONFIG", "SET", "maxclients", "1"]).await;
    scene.app.wires[0].redis.cut();
    scene.app.wires[0].redis.mend();
    scene.joins_go_on().await;
    scene.tell(&["CONFIG", "SET", "maxclients", "1000"]).await;
    scene.ends_well().await;
}

#[tokio::test]
async fn a_redis_that_stands_still_costs_admission_but_no_join() {
    let mut scene = Scene::set("standing still").await;
    scene.app.servers().redis().unwrap().pause();
    scene.joins_go_on().await;
    scene.app.servers().redis().unwrap().resume();
    scene.ends_well().await;
}

/// Its connection is there, and Redis is not told yet what it missed.
#[tokio::test]
async fn a_redis_that_is_back_is_asked_for_nothing_before_it_is_caught_up() {
    let app = support::app().with_private_servers().wired().start().await;
    let mo = app.merchant("Mo").await;
    let people = app.people("Pat", 3).await;
    let deal = app.deal(&mo).tipping_point(1).cap(1).publish().await.id;
    joined(app.join(&people[0], deal, 1, "a").await);
    app.home.nothing_is_held(deal).await;
    app.wires[0].redis.cut();
    assert_eq!(refused(app.join(&people[1], deal, 1, "a").await), Refusal::SoldOut, "by Postgres");
    app.wires[0].redis.mend();
    let probe = muster::quota::Keys::new(&app.home.name).probe();
    let mut redis = app.home.redis().await;
    let exists = async || redis::cmd("EXISTS").arg(&probe).query_async::<bool>(&mut redis).await.unwrap();
    until("the connection is there", exists).await;
    app.home.sql("ALTER FUNCTION commit_signups RENAME TO out_of_order").await;
    assert_eq!(app.join(&people[2], deal, 1, "a").await, JoinOutcome::Broken, "Postgres was asked, not Redis");
    app.engine.catch_up().await.unwrap();
    assert_eq!(refused(app.join(&people[2], deal, 1, "a").await), Refusal::SoldOut, "by Redis");
    app.home.sql("ALTER FUNCTION out_of_order RENAME TO commit_signups").await;
    app.settle_now().await;
    app.assert_clean().await;
}

/// Whether the call was executed nobody knows; Postgres decides.
#[tokio::test]
async fn a_redis_that_answers_after_a_second_costs_admission_but_no_join() {
    let mut scene = Scene::set("answers after a second").await;
    scene.app.wires[0].redis.replies_take(Duration::from_secs(1));
    scene.joins_go_on().await;
    scene.app.wires[0].redis.replies_take(Duration::ZERO);
    scene.ends_well().await;
}

#[tokio::test]
async fn a_way_to_redis_that_is_cut_costs_admission_but_no_join() {
    let mut scene = Scene::set("cut off").await;
    scene.app.wires[0].redis.cut();
    scene.joins_go_on().await;
    scene.app.wires[0].redis.mend();
    scene.ends_well().await;
}
