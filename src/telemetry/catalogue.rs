//! Every metric with its description. A test compares this table with the names in the code, and with the names that
//! the dashboard and the alerts in `deploy/` use.

use metrics::Unit;

/// The type of a metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A counter, named `_total`.
    Counter,
    Gauge,
    Histogram,
}

/// The description of a metric.
#[derive(Clone, Copy, Debug)]
pub struct Metric {
    /// The name, as on `/metrics`.
    pub name: &'static str,
    pub kind: Kind,
    /// The unit of its values.
    pub unit: Unit,
    /// The names of its labels. A metric without labels is exported from the start.
    pub labels: &'static [&'static str],
    /// The help text on `/metrics`.
    pub help: &'static str,
}

const fn counter(name: &'static str, labels: &'static [&'static str], help: &'static str) -> Metric {
    Metric { name, kind: Kind::Counter, unit: Unit::Count, labels, help }
}

const fn gauge(name: &'static str, unit: Unit, labels: &'static [&'static str], help: &'static str) -> Metric {
    Metric { name, kind: Kind::Gauge, unit, labels, help }
}

const fn seconds(name: &'static str, labels: &'static [&'static str], help: &'static str) -> Metric {
    Metric { name, kind: Kind::Histogram, unit: Unit::Seconds, labels, help }
}

const fn rows(name: &'static str, help: &'static str) -> Metric {
    Metric { name, kind: Kind::Histogram, unit: Unit::Count, labels: &[], help }
}

/// Every metric.
pub const METRICS: [Metric; 40] = [
    // HTTP
    counter("muster_http_requests_total", &["method", "route", "status"], "Answered HTTP requests"),
    seconds(
        "muster_http_request_seconds",
        &["method", "route"],
        "Time from a request's headers to the start of its response",
    ),
    // Joining and leaving
    counter(
        "muster_joins_total",
        &["outcome"],
        "Joins by outcome; `busy` counts those refused because a queue was full or too slow",
    ),
    counter(
        "muster_joins_pending_total",
        &[],
        "Joins answered 202 because recording took too long; their outcome is counted once it is known",
    ),
    counter("muster_leaves_total", &["outcome"], "Leaves by outcome"),
    gauge("muster_lane_depth", Unit::Count, &["lane"], "Admitted requests waiting in a lane when it starts a batch"),
    seconds(
        "muster_lane_wait_seconds",
        &[],
        "How long the oldest request of a batch had waited when the batch started: for admission and for the previous batch",
    ),
    rows("muster_admit_rows", "Joins per call of the admission script"),
    seconds("muster_admit_seconds", &[], "Duration of a call of the admission script"),
    rows("muster_batch_rows", "Requests per batch"),
    seconds("muster_commit_seconds", &[], "Time from sending a batch to Postgres until its commit is answered"),
    seconds("muster_hold_age_seconds", &[], "Age of the oldest hold of a batch when its join was decided"),
    seconds("muster_apply_seconds", &[], "Duration of a call that applies up to 256 committed changes to Redis"),
    counter(
        "muster_batches_sent_again_total",
        &[],
        "Batches sent again because Postgres rolled them back or did not answer",
    ),
    counter(
        "muster_changes_left_to_reconciling_total",
        &[],
        "Committed changes left to the reconciler because applying them to Redis did not keep up",
    ),
    // Redis
    gauge("muster_admission_online", Unit::Count, &[], "1 while Redis admits joins, 0 while Postgres decides alone"),
    counter("muster_redis_lost_total", &["call"], "Connections to Redis that were dropped, by the call that failed"),
    counter("muster_reconciled_deals_total", &[], "Deals whose figures or terms in Redis were repaired"),
    // Live
    gauge("muster_live_sockets", Unit::Count, &[], "Open WebSockets"),
    counter("muster_live_frames_sent_total", &[], "Frames sent to WebSockets"),
    counter("muster_live_frames_conflated_total", &[], "Changes replaced by a newer one before their frame was sent"),
    counter("muster_live_refused_total", &["reason"], "WebSockets that were refused"),
    counter("muster_live_closed_total", &["reason"], "WebSockets that the server closed"),
    // After the tip
    counter("muster_coupons_issued_total", &[], "Coupons issued"),
    gauge("muster_settle_lag_seconds", Unit::Seconds, &[], "Longest wait of a tipped deal's signup for its coupons"),
    counter(
        "muster_wrong_codes_total",
        &[],
        "Redemption attempts with a code that is no coupon of the caller's merchants",
    ),
    counter("muster_messages_delivered_total", &[], "Messages delivered to the mail server"),
    counter("muster_messages_failed_total", &[], "Failed attempts to deliver a message"),
    gauge("muster_outbox_due", Unit::Count, &[], "Messages and events that are due, up to 10,000"),
    gauge("muster_outbox_lag_seconds", Unit::Seconds, &[], "How long the oldest due message or event has waited"),
    gauge(
        "muster_outbox_parked",
        Unit::Count,
        &[],
        "Messages that failed too often and are no longer retried, up to 10,000",
    ),
    gauge("muster_close_lag_seconds", Unit::Seconds, &[], "Longest wait of a deal to be closed after its window"),
    // Postgres
    gauge("muster_postgres_up", Unit::Count, &[], "1 if Postgres answered this node's last check, else 0"),
    gauge(
        "muster_postgres_longest_transaction_seconds",
        Unit::Seconds,
        &[],
        "The age of the oldest transaction in the database: a long one slows every join",
    ),
    gauge(
        "muster_postgres_connections",
        Unit::Count,
        &[],
        "Connections to the database, from all nodes and other clients",
    ),
    // The audit
    gauge(
        "muster_audit_findings",
        Unit::Count,
        &[],
        "Findings of the last complete audit on this node; 0 before the first",
    ),
    counter("muster_audits_total", &["outcome"], "Audits run by this node"),
    // The process
    gauge("muster_process_resident_bytes", Unit::Bytes, &[], "Resident memory of this process"),
    gauge("muster_process_open_files", Unit::Count, &[], "Open file descriptors of this process"),
    counter("muster_process_cpu_seconds_total", &[], "CPU time of this process, user and system"),
];

/// Describes every metric to the recorder, and exports those without labels at zero.
pub(super) fn describe() {
    for metric in &METRICS {
        let Metric { name, unit, help, .. } = *metric;
        match metric.kind {
            Kind::Counter => metrics::describe_counter!(name, unit, help),
            Kind::Gauge => metrics::describe_gauge!(name, unit, help),
            Kind::Histogram => metrics::describe_histogram!(name, unit, help),
        }
        if metric.labels.is_empty() {
            match metric.kind {
                Kind::Counter => metrics::counter!(name).increment(0),
                Kind::Gauge => metrics::gauge!(name).increment(0.0),
                // A histogram is exported with its first value.
                Kind::Histogram => drop(metrics::histogram!(name)),
            }
        }
    }
}
