//! Deals in every state, all consistent, and ways to corrupt them.

use std::time::Duration;

use muster::domain::{Deal, DealId, JoinOutcome, LeaveOutcome};
use muster::engine::{AuditOptions, WithdrawOutcome};
use muster::quota::Keys;
use sqlx::{AssertSqlSafe, Executor, PgConnection};

use crate::support::{Person, TestApp, app};

pub struct Fixture {
    pub app: TestApp,
    pub merchant: Person,
    /// Needs 5 buyers and has 2 with 3 units; a third buyer has left. The cap is 20.
    pub open: DealId,
    /// Tipped at 2 buyers and has 3 buyers, who hold 4 units and their coupons. Another buyer left before the tip. The
    /// cap is 10.
    pub tipped: DealId,
    /// Had one of the 2 buyers that it needed when it closed.
    pub failed: DealId,
    /// The connection that corrupts data.
    pub database: PgConnection,
}

impl Fixture {
    /// Creates the deals and asserts that the audit is clean.
    pub async fn new() -> Self {
        let app = app().start().await;
        let merchant = app.merchant("Mo").await;
        let [ann, bob, cleo] = [app.buyer("Ann").await, app.buyer("Bob").await, app.buyer("Cleo").await];
        let deal = || app.deal(&merchant);
        let failed = deal().tipping_point(2).closes_in(Duration::from_secs(30)).publish().await;
        let succeeded = deal().tipping_point(1).closes_in(Duration::from_secs(30)).publish().await;
        let withdrawn = deal().tipping_point(2).cap(5).publish().await;
        let open = deal().tipping_point(5).cap(20).publish().await;
        let tipped = deal().tipping_point(2).cap(10).publish().await;
        deal().draft().await;
        for deal in [&failed, &succeeded, &withdrawn] {
            join(&app, &ann, deal, 1).await;
        }
        for deal in [&open, &tipped] {
            leave(&app, &cleo, deal).await;
            join(&app, &ann, deal, 2).await;
            join(&app, &bob, deal, 1).await;
        }
        join(&app, &app.buyer("Dan").await, &tipped, 1).await;
        app.clock.advance(Duration::from_secs(31)).await;
        app.close_now().await;
        let outcome = app.engine.withdraw(merchant.merchant_id(), withdrawn.id, "The kiln broke.").await.unwrap();
        assert!(matches!(outcome, WithdrawOutcome::Withdrawn(_)));
        app.settle_now().await;
        app.deliver_now().await;
        app.assert_clean().await;
        let database = app.backend.connect().await;
        Self { merchant, open: open.id, tipped: tipped.id, failed: failed.id, database, app }
    }

    /// As [`Self::new`], but Redis is empty, so corrupting Postgres breaks no check of Redis.
    pub async fn without_redis_data() -> Self {
        let fixture = Self::new().await;
        let mut redis = fixture.redis().await;
        for key in fixture.keys().await {
            redis::cmd("DEL").arg(key).query_async::<()>(&mut redis).await.unwrap();
        }
        fixture
    }

    /// Runs statements that Muster never runs. `:open`, `:tipped` and `:failed` stand for the ids of those
    /// deals.
    pub async fn corrupt(&mut self, statements: &str) {
        let statements = statements
            .replace(":open", &format!("'{}'", self.open))
            .replace(":tipped", &format!("'{}'", self.tipped))
            .replace(":failed", &format!("'{}'", self.failed));
        self.database.execute(AssertSqlSafe(statements)).await.unwrap();
    }

    /// Sends Redis a command that Muster never sends.
    pub async fn corrupt_redis(&self, command: &[&str]) {
        let mut request = redis::cmd(command[0]);
        for argument in &command[1..] {
            request.arg(argument);
        }
        request.query_async::<redis::Value>(&mut self.redis().await).await.unwrap();
    }

    /// The name of a deal's key in Redis.
    pub fn key(&self, deal: DealId, what: &str) -> String {
        Keys::new(&self.app.backend.name).quota(deal).replace("quota", what)
    }

    pub async fn redis(&self) -> redis::aio::MultiplexedConnection {
        let client = redis::Client::open(self.app.backend.redis_url.as_str()).unwrap();
        client.get_multiplexed_async_connection().await.unwrap()
    }

    async fn keys(&self) -> Vec<String> {
        let pattern = format!("{}:*", self.app.backend.name);
        redis::cmd("KEYS").arg(pattern).query_async(&mut self.redis().await).await.unwrap()
    }

    /// Asserts that exactly this check finds something, and that its first finding is about this deal.
    pub async fn assert_found(&self, check: &str, deal: impl Into<Option<DealId>>) {
        let report = self.app.audit(&AuditOptions::at_rest()).await;
        assert_eq!(report.failed(), [check], "\n{report}");
        let found = report.checks().find(|report| report.id == check).unwrap();
        assert_eq!(found.found[0].deal, deal.into(), "\n{report}");
        assert!(found.looked_at > 0, "\n{report}");
    }

    pub async fn assert_nothing_found(&self) {
        let report = self.app.audit(&AuditOptions::at_rest()).await;
        assert!(report.failed().is_empty(), "\n{report}");
    }
}

pub async fn join(app: &TestApp, who: &Person, deal: &Deal, units: u32) -> muster::domain::Joined {
    match app.engine_join(who, deal.id, units, "first").await {
        JoinOutcome::Joined(joined) => joined,
        refused => panic!("the join was refused: {refused:?}"),
    }
}

async fn leave(app: &TestApp, who: &Person, deal: &Deal) {
    let joined = join(app, who, deal, 1).await;
    assert_eq!(app.engine.leave(who.id, joined.id).await, LeaveOutcome::Left);
}
