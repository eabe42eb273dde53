//! The audit, for the end of tests.

use muster::engine::{AuditOptions, AuditOutcome, AuditReport};
use secrecy::ExposeSecret;

use super::app::Node;
use super::fault::{NO_REDIS, wait_until};

impl Node {
    /// Lets Redis catch up, reconciles, and asserts that the audit is clean.
    pub async fn assert_clean(&self) {
        let without_redis = self.config.redis.url.expose_secret() == NO_REDIS;
        if !without_redis {
            wait_until("Redis admits", async || {
                self.engine.catch_up_now().await.unwrap();
                self.engine.admits()
            })
            .await;
        }
        self.reconcile_now().await;
        let report = self.audit(&AuditOptions::default()).await;
        let expected = if without_redis { AuditOutcome::CouldNotLook } else { AuditOutcome::Clean };
        assert_eq!(report.outcome(), expected, "\n{report}");
    }

    /// The report of the audit.
    pub async fn audit(&self, options: &AuditOptions) -> AuditReport {
        self.engine.audit().run(options, |_| {}).await.unwrap()
    }
}
