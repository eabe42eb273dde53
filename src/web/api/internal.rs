//! Metrics and the audit, for operators. They are on the internal listener because they reveal more than clients should
//! know.

use actix_web::web::Data;
use actix_web::{HttpResponse, ResponseError};
use metrics::{counter, gauge};
use metrics_exporter_prometheus::PrometheusHandle;

use crate::App;
use crate::domain::{DealId, FieldProblem, FieldProblemKind};
use crate::engine::{AuditError, AuditOptions};
use crate::telemetry;
use crate::web::problem::{Code, Problem};
use crate::web::request::{Query, parse_id};

/// `GET /metrics`: the node's metrics in the Prometheus text format.
pub async fn metrics(app: Data<App>, handle: Data<Option<PrometheusHandle>>) -> HttpResponse {
    telemetry::sample();
    gauge!("muster_admission_online").set(u32::from(app.engine.admits()));
    match handle.get_ref() {
        Some(handle) => HttpResponse::Ok().content_type("text/plain; version=0.0.4").body(handle.render()),
        None => Problem::new(Code::NoSuchRoute).detail("Metrics are disabled in this process.").error_response(),
    }
}

/// `GET /audit?deal=ID`: checks every invariant, for all deals or one. The response is the table of `muster audit` as
/// JSON.
///
/// An audit is slow: it rechecks each suspected difference in Redis for several seconds before it reports the
/// difference. The engine runs one audit at a time.
///
/// # Errors
/// Postgres is unavailable, the deal does not exist, or the query is invalid.
pub async fn audit(app: Data<App>, mut query: Query) -> Result<HttpResponse, Problem> {
    let deal = query.value("deal", |text| match parse_id(text) {
        Some(id) => Ok(DealId::from(id)),
        None => Err(FieldProblem::new("deal", FieldProblemKind::NotADealId)),
    });
    query.end()?;
    let options = AuditOptions { deal, ..AuditOptions::default() };
    match app.engine.audit().run(&options, |_| {}).await {
        Ok(report) => {
            if options.deal.is_none() {
                gauge!("muster_audit_findings").set(u32::try_from(report.findings()).unwrap_or(u32::MAX));
            }
            counter!("muster_audits_total", "outcome" => report.outcome().as_str()).increment(1);
            Ok(HttpResponse::Ok().json(report))
        }
        Err(AuditError::NoSuchDeal(_)) => Err(Problem::new(Code::NoSuchDeal)),
        Err(AuditError::Store(error)) => Err(error.into()),
        Err(error @ AuditError::Log(_)) => Err(Problem::internal(&error)),
    }
}
