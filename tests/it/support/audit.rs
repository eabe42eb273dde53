//! The audit, for the end of a test.

use muster::engine::{AuditOptions, AuditOutcome, AuditReport};
use secrecy::ExposeSecret;

use super::app::Node;
use super::fault::{NO_REDIS, until};

impl Node {
    /// Everything that was promised holds. What is still on its way to Redis gets the time to arrive.
    pub async fn assert_clean(&self) {
        let without_redis = self.config.redis.url.expose_secret() == NO_REDIS;
        if !without_redis {
            until("Redis is there", async || {
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

    /// What the audit finds.
    pub async fn audit(&self, options: &AuditOptions) -> AuditReport {
        self.engine.audit(options, |_| {}).await.unwrap()
    }
}
