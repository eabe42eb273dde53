//! Steps at which a node under test ends itself, as if it were killed there.
//!
//! Only with the feature `failpoints`, which no release has: otherwise [`failpoint!`](crate::failpoint!) is nothing. Which
//! step, and the how manieth pass through it, stands in the environment: `MUSTER_END_AT=stmt_sent:17`.

#[cfg(feature = "failpoints")]
use std::sync::{
    LazyLock,
    atomic::{AtomicU64, Ordering},
};

/// The steps of a join and of what follows it, in their order.
pub const STEPS: [&str; 9] = [
    "after_admit",
    "queued",
    "before_stmt",
    "stmt_sent",
    "stmt_replied",
    "after_reply",
    "mid_apply",
    "mid_coupon_chunk",
    "mid_outbox",
];

/// What the environment variable is called.
pub const VARIABLE: &str = "MUSTER_END_AT";

/// Ends the process here, if this pass is the one that was named.
#[macro_export]
macro_rules! failpoint {
    ($step:literal) => {
        #[cfg(feature = "failpoints")]
        $crate::failpoint::pass($step);
    };
}

#[cfg(feature = "failpoints")]
static NAMED: LazyLock<Option<(String, u64)>> = LazyLock::new(|| {
    let named = std::env::var(VARIABLE).ok()?;
    let (step, passes) = named.split_once(':').unwrap_or((&named, "1"));
    Some((step.to_owned(), passes.parse().ok()?))
});

#[cfg(feature = "failpoints")]
static PASSES: AtomicU64 = AtomicU64::new(0);

/// A pass through a step.
#[cfg(feature = "failpoints")]
pub fn pass(step: &str) {
    let Some((named, at)) = NAMED.as_ref() else { return };
    if named == step && PASSES.fetch_add(1, Ordering::Relaxed) + 1 == *at {
        // Nothing is flushed and nobody is told, as with `kill -9`.
        std::process::abort();
    }
}
