//! Steps at which a process can be told to die, so that every place between two of them is tried.
//!
//! `MUSTER_FAILPOINT=stmt_sent:7` lets the process end as by `kill -9` when it comes to that step for the seventh time. The
//! variable is read once. None of this is in a release: without `debug_assertions` or the feature `failpoints` every function
//! here is empty, and nothing reads the variable.

/// The steps, in the order of a join; then those of what follows a tip.
#[cfg(any(debug_assertions, feature = "failpoints"))]
pub const STEPS: [(&str, &str); 9] = [
    ("after_admit", "Redis holds a place, and nobody else knows of the join"),
    ("queued", "the join waits in its lane"),
    ("before_stmt", "the batch is made, and not sent"),
    ("stmt_sent", "the batch is on its way, or being committed, and not answered"),
    ("stmt_replied", "the batch is committed, and nobody was told"),
    ("after_reply", "those who joined were answered, and Redis was not told"),
    ("mid_apply", "Redis is being told"),
    ("mid_coupon_chunk", "a chunk of coupons is being issued"),
    ("mid_outbox", "a message was sent, and that is not noted"),
];

/// The variable that arms one of them.
#[cfg(any(debug_assertions, feature = "failpoints"))]
pub const VARIABLE: &str = "MUSTER_FAILPOINT";

#[cfg(any(debug_assertions, feature = "failpoints"))]
mod armed {
    use std::future::poll_fn;
    use std::pin::pin;
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::task::Poll;
    use std::time::Duration;

    use rustix::process::{Signal, getpid, kill_process};

    struct Armed {
        step: String,
        /// How often the process still passes.
        passes: AtomicU32,
    }

    static ARMED: OnceLock<Option<Armed>> = OnceLock::new();

    /// What the variable says: a step, and the how manieth time counts. Something else is told and ignored.
    fn armed() -> Option<&'static Armed> {
        let read = || {
            let text = std::env::var(super::VARIABLE).ok()?;
            let parsed = text.split_once(':').and_then(|(step, time)| Some((step, time.parse::<u32>().ok()?)));
            let known = parsed.filter(|(step, _)| super::STEPS.iter().any(|(name, _)| name == step));
            if known.is_none() {
                tracing::error!(text, "there is no such failpoint");
            }
            let (step, time) = known?;
            Some(Armed { step: step.to_owned(), passes: AtomicU32::new(time.saturating_sub(1)) })
        };
        ARMED.get_or_init(read).as_ref()
    }

    /// Counts one more time at this step, and says whether it is the one.
    fn is_due(step: &str) -> bool {
        armed().filter(|armed| armed.step == step).is_some_and(|armed| {
            armed.passes.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_err()
        })
    }

    fn die(step: &str) -> ! {
        eprintln!("failpoint {step}: the process ends");
        kill_process(getpid(), Signal::KILL).ok();
        std::process::abort()
    }

    /// The process is at this step.
    pub fn reach(step: &str) {
        if is_due(step) {
            die(step);
        }
    }

    /// The process is at this step while it waits for `call`: it dies if that was begun and not answered within `grace`, so
    /// that the question is on its way. A call that is answered sooner comes through, and the next one is tried.
    pub async fn reach_within<T>(step: &str, grace: Duration, call: impl Future<Output = T>) -> T {
        let mut call = pin!(call);
        if !is_due(step) {
            return call.await;
        }
        let begun = poll_fn(|context| match call.as_mut().poll(context) {
            Poll::Ready(answer) => Poll::Ready(Some(answer)),
            Poll::Pending => Poll::Ready(None),
        });
        if let Some(answer) = begun.await {
            return answer;
        }
        // Whoever writes for this task gets its turn.
        tokio::task::yield_now().await;
        match tokio::time::timeout(grace, &mut call).await {
            Ok(answer) => answer,
            Err(_not_answered) => die(step),
        }
    }
}

#[cfg(any(debug_assertions, feature = "failpoints"))]
pub use armed::{reach, reach_within};

/// Nothing.
#[cfg(not(any(debug_assertions, feature = "failpoints")))]
pub fn reach(_step: &str) {}

/// Just the call.
#[cfg(not(any(debug_assertions, feature = "failpoints")))]
pub fn reach_within<T>(
    _step: &str,
    _grace: std::time::Duration,
    call: impl Future<Output = T>,
) -> impl Future<Output = T> {
    call
}
