//! Every metric there is, with what it means: the one place where they are described. A test compares this table with the
//! names in the code, and with those that the dashboard and the alerts in `deploy/` use.

use metrics::Unit;

/// What a metric's values are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Rises; named `_total`.
    Counter,
    /// Rises and falls.
    Gauge,
    /// How values are spread.
    Histogram,
}

/// A metric.
#[derive(Clone, Copy, Debug)]
pub struct Metric {
    /// Its name.
    pub name: &'static str,
    /// What its values are.
    pub kind: Kind,
    /// In what they are counted.
    pub unit: Unit,
    /// The labels of its series; one without any is there from the start.
    pub labels: &'static [&'static str],
    /// What it says.
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

/// Every metric there is.
pub const METRICS: [Metric; 40] = [
    // HTTP
    counter("muster_http_requests_total", &["method", "route", "status"], "Requests that were answered"),
    seconds(
        "muster_http_request_seconds",
        &["method", "route"],
        "From a request's headers to the beginning of its answer",
    ),
    // Joining and leaving
    counter(
        "muster_joins_total",
        &["outcome"],
        "Joins by outcome; `busy` are those that were turned away because a queue was full or too slow",
    ),
    counter(
        "muster_joins_pending_total",
        &[],
        "Joins answered 202 because recording them took too long; their outcome is counted when it is known",
    ),
    counter("muster_leaves_total", &["outcome"], "Leaves by outcome"),
    gauge(
        "muster_lane_depth",
        Unit::Count,
        &["lane"],
        "Admitted requests that wait for the next batch of a lane, when a batch begins",
    ),
    seconds(
        "muster_lane_wait_seconds",
        &[],
        "How long the oldest request of a batch had waited when the batch began: for admission, and for the batch before",
    ),
    rows("muster_admit_rows", "Joins that one call of the admission script asked for"),
    seconds("muster_admit_seconds", &[], "A call of the admission script"),
    rows("muster_batch_rows", "Requests in one batch"),
    seconds("muster_commit_seconds", &[], "A batch of joins in Postgres: sent, committed, answered"),
    seconds("muster_hold_age_seconds", &[], "How long the oldest hold of a batch was kept until its join was decided"),
    seconds("muster_apply_seconds", &[], "Telling Redis what was committed: up to 256 changes at a time"),
    counter(
        "muster_batches_sent_again_total",
        &[],
        "Batches that Postgres rolled back or did not answer, and that were sent again",
    ),
    counter(
        "muster_changes_left_to_reconciling_total",
        &[],
        "Changes that Redis was not told about at once, because telling it did not keep up",
    ),
    // Redis
    gauge("muster_admission_online", Unit::Count, &[], "1 while Redis admits joins, 0 while Postgres decides alone"),
    counter("muster_redis_lost_total", &["call"], "Connections to Redis that were given up, by the call that failed"),
    counter("muster_reconciled_deals_total", &[], "Deals whose figures in Redis had to be repaired"),
    // Live
    gauge("muster_live_sockets", Unit::Count, &[], "Open sockets"),
    counter("muster_live_frames_sent_total", &[], "Frames that sockets took"),
    counter("muster_live_frames_conflated_total", &[], "Changes that no frame showed, because a newer one came first"),
    counter("muster_live_refused_total", &["reason"], "Sockets that were not opened"),
    counter("muster_live_closed_total", &["reason"], "Sockets that the server closed"),
    // After the tip
    counter("muster_coupons_issued_total", &[], "Coupons issued"),
    gauge(
        "muster_settle_lag_seconds",
        Unit::Seconds,
        &[],
        "How long the first signup of a tipped deal has waited for its coupons",
    ),
    counter("muster_wrong_codes_total", &[], "Codes at the till that are no coupon of the merchant's"),
    counter("muster_messages_delivered_total", &[], "Messages that were handed over"),
    counter("muster_messages_failed_total", &[], "Attempts to hand a message over that failed"),
    gauge("muster_outbox_due", Unit::Count, &[], "Messages and events that are due, up to 10,000"),
    gauge("muster_outbox_lag_seconds", Unit::Seconds, &[], "How long the first of them has been due"),
    gauge("muster_outbox_parked", Unit::Count, &[], "Messages that were given up, up to 10,000"),
    gauge(
        "muster_close_lag_seconds",
        Unit::Seconds,
        &[],
        "How long the first deal whose window is over has waited for its end",
    ),
    // Postgres
    gauge("muster_postgres_up", Unit::Count, &[], "1 if Postgres answered when this node looked last, else 0"),
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
        "Connections to the database, of all nodes and everybody else",
    ),
    // The audit
    gauge(
        "muster_audit_findings",
        Unit::Count,
        &[],
        "What the last whole audit on this node found; 0 before the first",
    ),
    counter("muster_audits_total", &["outcome"], "Audits on this node"),
    // The process
    gauge("muster_process_resident_bytes", Unit::Bytes, &[], "Memory of this process"),
    gauge("muster_process_open_files", Unit::Count, &[], "Files and connections that this process has open"),
    counter("muster_process_cpu_seconds_total", &[], "Time that this process has computed, user and system"),
];

/// Tells the recorder what each metric means, and begins those without labels at nothing.
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
                // A histogram is there with its first value.
                Kind::Histogram => drop(metrics::histogram!(name)),
            }
        }
    }
}
