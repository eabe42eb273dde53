//! Failpoints: named steps at which a test can make the process kill itself.
//!
//! `MUSTER_FAILPOINT=stmt_sent:7` kills the process with SIGKILL when it reaches the step `stmt_sent` for the seventh
//! time. The variable is read once. Without `debug_assertions` or the feature `failpoints`, as in a release build,
//! every function of this module does nothing.

/// The steps, each with the state at that moment. The steps of a join come first, in order. The steps after a tip
/// follow.
#[cfg(any(debug_assertions, feature = "failpoints"))]
pub const STEPS: [(&str, &str); 9] = [
    ("after_admit", "Redis has a hold; the join is recorded nowhere else"),
    ("queued", "the join waits in its lane"),
    ("before_stmt", "the batch is assembled but not sent"),
    ("stmt_sent", "the batch is sent, perhaps committed, but not answered"),
    ("stmt_replied", "the batch is committed; no client was answered"),
    ("after_reply", "the clients were answered; Redis has not received the change"),
    ("mid_apply", "the change is being sent to Redis"),
    ("mid_coupon_chunk", "a chunk of coupons is being issued"),
    ("mid_outbox", "a message was sent but not marked as delivered"),
];

/// The environment variable that arms a step.
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
        /// How many more times the process passes the step before it dies.
        passes: AtomicU32,
    }

    static ARMED: OnceLock<Option<Armed>> = OnceLock::new();

    /// The armed step. Parses the variable once: a step and an occurrence number. An invalid value is logged and
    /// ignored.
    fn armed() -> Option<&'static Armed> {
        let read = || {
            let text = std::env::var(super::VARIABLE).ok()?;
            let parsed = text.split_once(':').and_then(|(step, nth)| Some((step, nth.parse::<u32>().ok()?)));
            let known = parsed.filter(|(step, _)| super::STEPS.iter().any(|(name, _)| name == step));
            if known.is_none() {
                tracing::error!(text, "MUSTER_FAILPOINT is not a known step and a number; ignoring it");
            }
            let (step, nth) = known?;
            Some(Armed { step: step.to_owned(), passes: AtomicU32::new(nth.saturating_sub(1)) })
        };
        ARMED.get_or_init(read).as_ref()
    }

    /// Counts an occurrence of this step, and returns whether it is the armed one.
    fn is_due(step: &str) -> bool {
        armed().filter(|armed| armed.step == step).is_some_and(|armed| {
            armed.passes.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_err()
        })
    }

    fn die(step: &str) -> ! {
        eprintln!("failpoint {step}: killing the process");
        kill_process(getpid(), Signal::KILL).ok();
        std::process::abort()
    }

    /// Kills the process if this is the armed occurrence of the step.
    pub fn reach(step: &str) {
        if is_due(step) {
            die(step);
        }
    }

    /// Runs `call`. If this is the armed occurrence of the step, starts `call`, and kills the process if the call does
    /// not complete within `grace`. So the request is in flight when the process dies. If the call completes sooner,
    /// the next occurrence is armed instead.
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
        // Yields to the task that writes the request to the socket.
        tokio::task::yield_now().await;
        match tokio::time::timeout(grace, &mut call).await {
            Ok(answer) => answer,
            Err(_not_answered) => die(step),
        }
    }
}

#[cfg(any(debug_assertions, feature = "failpoints"))]
pub use armed::{reach, reach_within};

/// Does nothing in this build.
#[cfg(not(any(debug_assertions, feature = "failpoints")))]
pub fn reach(_step: &str) {}

/// Returns `call` unchanged in this build.
#[cfg(not(any(debug_assertions, feature = "failpoints")))]
pub fn reach_within<T>(
    _step: &str,
    _grace: std::time::Duration,
    call: impl Future<Output = T>,
) -> impl Future<Output = T> {
    call
}
