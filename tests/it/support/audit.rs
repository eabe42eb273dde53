//! The audit, for the end of a test.

use muster::engine::{AuditOptions, AuditReport};

use super::app::Node;

impl Node {
    /// Everything that was promised holds. What is still on its way to Redis gets the time to arrive.
    pub async fn assert_clean(&self) {
        self.reconcile_now().await;
        let report = self.audit(&AuditOptions::default()).await;
        assert_eq!(report.outcome(), muster::engine::AuditOutcome::Clean, "\n{report}");
    }

    /// What the audit finds.
    pub async fn audit(&self, options: &AuditOptions) -> AuditReport {
        self.engine.audit(options, |_| {}).await.unwrap()
    }
}
