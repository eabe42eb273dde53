//! What clients saw.

use std::path::PathBuf;

use muster::client_log::{ClientLog, Reply, Version};
use muster::domain::{Deal, IdempotencyKey, JoinOutcome, Joined, Progress, SignupId};
use muster::engine::{AuditOptions, AuditOutcome};
use muster::live::message::frame;
use uuid::Uuid;

use crate::support::{Person, TestApp, app};

/// A client that joins, watches, and writes down what it sees.
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
        assert!(matches!(app.join(&early, deal.id, 1, "k").await, JoinOutcome::Joined(_)));
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("client.log");
        let log = ClientLog::create(&path, app.nodes[0].clock.clone()).unwrap();
        let socket = log.new_socket();
        let client = Self { app, deal, log, path, socket, _folder: folder };
        let now = client.progress().await;
        client.log.begins(client.deal.id, version(&now)).unwrap();
        client.sees(&now);
        client
    }

    /// Two buyers join, one tries in vain, one gets no answer, and all frames come in.
    async fn works(&self) -> Vec<Joined> {
        let mut all = Vec::new();
        for (name, units) in [("Ann", 2), ("Bob", 1)] {
            let buyer = self.app.buyer(name).await;
            let asked = self.log.joins(self.deal.id, buyer.id, &key(), units).unwrap();
            let joined = self.joins(&buyer, units).await;
            self.log.answered(asked, told(&joined)).unwrap();
            self.sees(&joined.progress);
            all.push(joined);
        }
        let greedy = self.app.buyer("Greedy").await;
        let asked = self.log.joins(self.deal.id, greedy.id, &key(), 5).unwrap();
        assert!(matches!(self.app.join(&greedy, self.deal.id, 5, "k").await, JoinOutcome::Refused(_)));
        let refused = Reply { status: Some(409), code: Some("buyer_limit".to_owned()), ..Reply::default() };
        self.log.answered(asked, refused).unwrap();
        let unlucky = self.app.buyer("Unlucky").await;
        let asked = self.log.joins(self.deal.id, unlucky.id, &key(), 1).unwrap();
        let joined = self.joins(&unlucky, 1).await;
        self.log.answered(asked, Reply { error: Some("reset".to_owned()), ..Reply::default() }).unwrap();
        self.sees(&joined.progress);
        all
    }

    async fn joins(&self, buyer: &Person, units: u32) -> Joined {
        match self.app.join(buyer, self.deal.id, units, "k").await {
            JoinOutcome::Joined(joined) => joined,
            refused => panic!("{refused:?}"),
        }
    }

    fn sees(&self, progress: &Progress) {
        let text = frame(progress, self.app.nodes[0].clock.now()).unwrap();
        self.log.frame(self.socket, &text).unwrap();
    }

    async fn progress(&self) -> Progress {
        self.app.store.progress_of(&[self.deal.id]).await.unwrap()[0]
    }

    async fn ends(&self) {
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

fn told(joined: &Joined) -> Reply {
    Reply {
        status: Some(201),
        id: Some(joined.id),
        units: Some(joined.units),
        number: Some(joined.number),
        ..Reply::default()
    }
}

#[tokio::test]
async fn an_honest_log_is_clean_also_after_somebody_else_joined_later() {
    let client = Client::begin().await;
    client.works().await;
    client.ends().await;
    client.assert_found(&[]).await;
    client.joins(&client.app.buyer("Late").await, 1).await;
    client.assert_found(&[]).await;
}

#[tokio::test]
async fn a_log_that_was_cut_off_by_a_kill_is_read_to_its_last_whole_line() {
    let client = Client::begin().await;
    client.works().await;
    client.joins(&client.app.buyer("Late").await, 1).await;
    let text = std::fs::read_to_string(&client.path).unwrap();
    // Killed between asking and hearing: the last buyer's answer, frame and the rest are not there.
    let until = text.rfind("\"error\"").unwrap();
    std::fs::write(&client.path, &text[..until]).unwrap();
    // Nobody knows where this client ended, so somebody who joined later looks like nobody's attempt.
    client.assert_found(&["L2"]).await;
}

#[tokio::test]
async fn l1_finds_a_201_that_is_not_in_postgres() {
    let client = Client::begin().await;
    let mut joined = client.works().await.remove(0);
    let asked = client.log.joins(client.deal.id, client.app.buyer("Ann").await.id, &key(), 1).unwrap();
    joined.id = SignupId::from(Uuid::now_v7());
    client.log.answered(asked, told(&joined)).unwrap();
    client.ends().await;
    client.assert_found(&["L1"]).await;
}

#[tokio::test]
async fn l1_finds_a_201_that_told_other_units_or_another_number() {
    for change in [|told: &mut Reply| told.units = Some(3), |told: &mut Reply| told.number = Some(9)] {
        let client = Client::begin().await;
        client.works().await;
        let buyer = client.app.buyer("Cleo").await;
        let asked = client.log.joins(client.deal.id, buyer.id, &key(), 1).unwrap();
        let joined = client.joins(&buyer, 1).await;
        let mut reply = told(&joined);
        change(&mut reply);
        client.log.answered(asked, reply).unwrap();
        client.sees(&joined.progress);
        client.ends().await;
        client.assert_found(&["L1"]).await;
    }
}

#[tokio::test]
async fn l2_finds_a_signup_that_nobody_attempted() {
    let client = Client::begin().await;
    client.works().await;
    let stranger = client.joins(&client.app.buyer("Stranger").await, 1).await;
    client.sees(&stranger.progress);
    client.ends().await;
    client.assert_found(&["L2"]).await;
}

#[tokio::test]
async fn l3_finds_a_frame_above_the_cap() {
    let client = Client::begin().await;
    let mut wrong = client.progress().await;
    wrong.units = 11;
    client.sees(&wrong);
    client.works().await;
    client.ends().await;
    client.assert_found(&["L3"]).await;
}

#[tokio::test]
async fn l3_finds_a_frame_that_is_older_than_the_one_before_it() {
    let client = Client::begin().await;
    let joined = client.works().await;
    client.sees(&joined[0].progress);
    client.sees(&client.progress().await);
    client.ends().await;
    client.assert_found(&["L3"]).await;
}

#[tokio::test]
async fn l3_lets_another_socket_be_behind() {
    let client = Client::begin().await;
    let joined = client.works().await;
    let other = client.log.new_socket();
    client.log.frame(other, &frame(&joined[0].progress, client.app.nodes[0].clock.now()).unwrap()).unwrap();
    client.log.closed(other).unwrap();
    client.ends().await;
    client.assert_found(&[]).await;
}

#[tokio::test]
async fn l3_finds_a_last_frame_that_is_not_what_the_clients_left_behind() {
    let client = Client::begin().await;
    client.works().await;
    let buyer = client.app.buyer("Cleo").await;
    let asked = client.log.joins(client.deal.id, buyer.id, &key(), 1).unwrap();
    let joined = client.joins(&buyer, 1).await;
    client.log.answered(asked, told(&joined)).unwrap();
    client.ends().await;
    client.assert_found(&["L3"]).await;
}

#[tokio::test]
async fn l3_finds_a_last_frame_that_postgres_does_not_confirm() {
    for change in [|p: &mut Progress| p.units += 1, |p: &mut Progress| p.rev += 1] {
        let client = Client::begin().await;
        client.works().await;
        let mut wrong = client.progress().await;
        change(&mut wrong);
        client.sees(&wrong);
        client.ends().await;
        client.assert_found(&["L3"]).await;
    }
}

#[tokio::test]
async fn a_log_that_cannot_be_read_is_no_clean_one() {
    let app = app().start().await;
    let options = AuditOptions { logs: vec!["/nowhere/client.log".into()], ..AuditOptions::default() };
    let error = app.engine.audit(&options, |_| {}).await.unwrap_err();
    assert!(error.to_string().starts_with("/nowhere/client.log: "), "{error}");
    assert_eq!(app.audit(&AuditOptions::default()).await.outcome(), AuditOutcome::Clean);
}
