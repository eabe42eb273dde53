//! Checks of the logs in which clients record their calls, responses and frames.

use std::path::PathBuf;

use muster::domain::{Deal, IdempotencyKey, JoinOutcome, Joined, Progress, SignupId};
use muster::engine::client_log::{ClientLog, Reply, Version};
use muster::engine::{AuditOptions, AuditOutcome};
use muster::live::message::frame;
use uuid::Uuid;

use crate::support::{Person, TestApp, app};

/// A client that joins, watches, and logs its calls, responses and frames.
struct Client {
    app: TestApp,
    deal: Deal,
    log: ClientLog,
    path: PathBuf,
    socket: u64,
    _folder: tempfile::TempDir,
}

impl Client {
    async fn begin() -> Self {
        let app = app().start().await;
        let deal = app.deal(&app.merchant("Mo").await).tipping_point(3).cap(10).publish().await;
        let early = app.buyer("Early").await;
        assert!(matches!(app.engine_join(&early, deal.id, 1, "k").await, JoinOutcome::Joined(_)));
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("client.log");
        let log = ClientLog::create(&path, app.nodes[0].clock.clone()).unwrap();
        let socket = log.new_socket();
        let client = Self { app, deal, log, path, socket, _folder: folder };
        let now = client.progress().await;
        client.log.begins(client.deal.id, version(&now)).unwrap();
        client.log_frame(&now);
        client
    }

    /// Two buyers join, one is refused, and one gets no response. Every frame is logged.
    async fn run(&self) -> Vec<Joined> {
        let mut all = Vec::new();
        for (name, units) in [("Ann", 2), ("Bob", 1)] {
            let buyer = self.app.buyer(name).await;
            let call = self.log.joins(self.deal.id, buyer.id, &key(), units).unwrap();
            let joined = self.join(&buyer, units).await;
            self.log.answered(call, reply_of(&joined)).unwrap();
            self.log_frame(&joined.progress);
            all.push(joined);
        }
        let greedy = self.app.buyer("Greedy").await;
        let call = self.log.joins(self.deal.id, greedy.id, &key(), 5).unwrap();
        assert!(matches!(self.app.engine_join(&greedy, self.deal.id, 5, "k").await, JoinOutcome::Refused(_)));
        let refused = Reply { status: Some(409), code: Some("buyer_limit".to_owned()), ..Reply::default() };
        self.log.answered(call, refused).unwrap();
        let unlucky = self.app.buyer("Unlucky").await;
        let call = self.log.joins(self.deal.id, unlucky.id, &key(), 1).unwrap();
        let joined = self.join(&unlucky, 1).await;
        self.log.answered(call, Reply { error: Some("reset".to_owned()), ..Reply::default() }).unwrap();
        self.log_frame(&joined.progress);
        all
    }

    async fn join(&self, buyer: &Person, units: u32) -> Joined {
        match self.app.engine_join(buyer, self.deal.id, units, "k").await {
            JoinOutcome::Joined(joined) => joined,
            refused => panic!("{refused:?}"),
        }
    }

    fn log_frame(&self, progress: &Progress) {
        let text = frame(progress, self.app.nodes[0].clock.now()).unwrap();
        self.log.frame(self.socket, &text).unwrap();
    }

    async fn progress(&self) -> Progress {
        self.app.store.progress_of(&[self.deal.id]).await.unwrap()[0]
    }

    async fn finish(&self) {
        self.log.ends(self.deal.id, version(&self.progress().await)).unwrap();
    }

    async fn assert_found(&self, checks: &[&str]) {
        self.app.settle_now().await;
        self.app.reconcile_now().await;
        let options = AuditOptions { logs: vec![self.path.clone()], ..AuditOptions::default() };
        let report = self.app.audit(&options).await;
        assert_eq!(report.failed(), checks, "\n{report}");
        assert!(report.checks().all(|check| !check.id.starts_with('L') || check.looked_at > 0), "\n{report}");
    }
}

fn key() -> IdempotencyKey {
    IdempotencyKey::parse("k").unwrap()
}

fn version(progress: &Progress) -> Version {
    Version { epoch: progress.epoch, rev: progress.rev }
}

fn reply_of(joined: &Joined) -> Reply {
    Reply {
        status: Some(201),
        id: Some(joined.id),
        units: Some(joined.units),
        number: Some(joined.number),
        ..Reply::default()
    }
}

#[tokio::test]
async fn a_correct_log_is_clean_even_after_later_joins() {
    let client = Client::begin().await;
    client.run().await;
    client.finish().await;
    client.assert_found(&[]).await;
    client.join(&client.app.buyer("Late").await, 1).await;
    client.assert_found(&[]).await;
}

#[tokio::test]
async fn a_truncated_log_is_read_up_to_its_last_complete_line() {
    let client = Client::begin().await;
    client.run().await;
    client.join(&client.app.buyer("Late").await, 1).await;
    let text = std::fs::read_to_string(&client.path).unwrap();
    // The client is killed after it sent the last join, so its log lacks the response and everything after it.
    let until = text.rfind("\"error\"").unwrap();
    std::fs::write(&client.path, &text[..until]).unwrap();
    // The log has no end mark, so a join after it counts as a signup without an attempt.
    client.assert_found(&["L2"]).await;
}

#[tokio::test]
async fn l1_finds_a_201_that_is_not_in_postgres() {
    let client = Client::begin().await;
    let mut joined = client.run().await.remove(0);
    let call = client.log.joins(client.deal.id, client.app.buyer("Ann").await.id, &key(), 1).unwrap();
    joined.id = SignupId::from(Uuid::now_v7());
    client.log.answered(call, reply_of(&joined)).unwrap();
    client.finish().await;
    client.assert_found(&["L1"]).await;
}

#[tokio::test]
async fn l1_finds_a_201_with_wrong_units_or_number() {
    for change in [|reply: &mut Reply| reply.units = Some(3), |reply: &mut Reply| reply.number = Some(9)] {
        let client = Client::begin().await;
        client.run().await;
        let buyer = client.app.buyer("Cleo").await;
        let call = client.log.joins(client.deal.id, buyer.id, &key(), 1).unwrap();
        let joined = client.join(&buyer, 1).await;
        let mut reply = reply_of(&joined);
        change(&mut reply);
        client.log.answered(call, reply).unwrap();
        client.log_frame(&joined.progress);
        client.finish().await;
        client.assert_found(&["L1"]).await;
    }
}

#[tokio::test]
async fn l2_finds_a_signup_without_an_attempt() {
    let client = Client::begin().await;
    client.run().await;
    let stranger = client.join(&client.app.buyer("Stranger").await, 1).await;
    client.log_frame(&stranger.progress);
    client.finish().await;
    client.assert_found(&["L2"]).await;
}

#[tokio::test]
async fn l3_finds_a_frame_above_the_cap() {
    let client = Client::begin().await;
    let mut wrong = client.progress().await;
    wrong.units = 11;
    client.log_frame(&wrong);
    client.run().await;
    client.finish().await;
    client.assert_found(&["L3"]).await;
}

#[tokio::test]
async fn l3_finds_a_frame_older_than_its_predecessor() {
    let client = Client::begin().await;
    let joined = client.run().await;
    client.log_frame(&joined[0].progress);
    client.log_frame(&client.progress().await);
    client.finish().await;
    client.assert_found(&["L3"]).await;
}

#[tokio::test]
async fn l3_allows_another_socket_to_lag_behind() {
    let client = Client::begin().await;
    let joined = client.run().await;
    let other = client.log.new_socket();
    client.log.frame(other, &frame(&joined[0].progress, client.app.nodes[0].clock.now()).unwrap()).unwrap();
    client.log.closed(other).unwrap();
    client.finish().await;
    client.assert_found(&[]).await;
}

#[tokio::test]
async fn l3_finds_a_missing_last_frame() {
    let client = Client::begin().await;
    client.run().await;
    let buyer = client.app.buyer("Cleo").await;
    let call = client.log.joins(client.deal.id, buyer.id, &key(), 1).unwrap();
    let joined = client.join(&buyer, 1).await;
    client.log.answered(call, reply_of(&joined)).unwrap();
    client.finish().await;
    client.assert_found(&["L3"]).await;
}

#[tokio::test]
async fn l3_finds_a_last_frame_that_contradicts_postgres() {
    for change in [|p: &mut Progress| p.units += 1, |p: &mut Progress| p.rev += 1] {
        let client = Client::begin().await;
        client.run().await;
        let mut wrong = client.progress().await;
        change(&mut wrong);
        client.log_frame(&wrong);
        client.finish().await;
        client.assert_found(&["L3"]).await;
    }
}

#[tokio::test]
async fn an_unreadable_log_is_an_error() {
    let app = app().start().await;
    let options = AuditOptions { logs: vec!["/nowhere/client.log".into()], ..AuditOptions::default() };
    let error = app.engine.audit().run(&options, |_| {}).await.unwrap_err();
    assert!(error.to_string().starts_with("/nowhere/client.log: "), "{error}");
    assert_eq!(app.audit(&AuditOptions::default()).await.outcome(), AuditOutcome::Clean);
}
