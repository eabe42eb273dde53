//! The retry protocol of the API: decides whether an answer is final or the request must be sent again. Pure functions.
//!
//! Only the final answer to a key counts. An earlier answer, such as "pending" or "busy", or a lost answer does not
//! show whether the request was committed.

use std::time::Duration;

use serde::Deserialize;

use crate::domain::{Figures, SignupId};

/// Exponential backoff for answers without `Retry-After`.
const FIRST_WAIT: Duration = Duration::from_millis(100);
const LONGEST_WAIT: Duration = Duration::from_secs(5);
/// Maximum attempts that are answered with an unexpected 5xx.
const ATTEMPTS_MAX: u32 = 5;

/// The result of one attempt.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Reply {
    /// The server answered.
    Answered(Answer),
    /// The connection failed or timed out, with this error. The request may have been committed.
    Lost(String),
}

/// The parts of an answer that the protocol depends on.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) retry_after: Option<Duration>,
    pub(super) replayed: bool,
    pub(super) body: Body,
}

/// The fields of signups and problems that the protocol depends on.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
pub(super) struct Body {
    #[serde(default)]
    pub(super) id: Option<SignupId>,
    #[serde(default)]
    pub(super) units: Option<u32>,
    #[serde(default)]
    pub(super) number: Option<u32>,
    #[serde(default)]
    pub(super) progress: Option<Figures>,
    #[serde(default)]
    pub(super) code: Option<String>,
}

/// What to do after an answer.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Next<T> {
    /// The answer is final.
    Done(T),
    /// Send the request again after this time.
    Again(Duration, Retry),
}

/// The reason for a retry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Retry {
    /// 503: the server sheds load.
    Busy,
    /// 429: a rate limit applies.
    TooMany,
    /// 409 `places_held`: the last units are held for other joins.
    PlacesHeld,
    /// 202, or 409 `pending`: the join is still being committed.
    Pending,
    /// There was no answer.
    Lost,
    /// Any other 5xx.
    Broken,
}

impl Retry {
    /// The name of the reason in tables.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Busy => "busy",
            Self::TooMany => "too many requests",
            Self::PlacesHeld => "places held",
            Self::Pending => "pending",
            Self::Lost => "no answer",
            Self::Broken => "broken",
        }
    }
}

/// The final outcome of a join.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum JoinEnd {
    Joined(Receipt),
    /// Refused, with this problem code.
    Refused(String),
    /// An answer that a correct server never gives to this client.
    Failed(String),
}

/// The body of a 201.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Receipt {
    pub(super) signup: SignupId,
    pub(super) units: u32,
    pub(super) number: u32,
    pub(super) replayed: bool,
    pub(super) figures: Figures,
}

/// The final outcome of a leave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum LeaveEnd {
    Left,
    Refused(String),
    Failed(String),
}

/// Decides what to do after the answer to a join. `attempt` counts from 1.
pub(super) fn after_join(reply: &Reply, attempt: u32) -> Next<JoinEnd> {
    let answer = match retry(reply, attempt) {
        Ok(again) => return again,
        Err(answer) => answer,
    };
    let Body { id, units, number, progress, ref code } = answer.body;
    Next::Done(match (answer.status, id, units, number, progress) {
        (201, Some(signup), Some(units), Some(number), Some(figures)) => {
            JoinEnd::Joined(Receipt { signup, units, number, replayed: answer.replayed, figures })
        }
        (409 | 422 | 404, ..) => match code {
            Some(code) => JoinEnd::Refused(code.clone()),
            None => JoinEnd::Failed(describe(answer)),
        },
        _ => JoinEnd::Failed(describe(answer)),
    })
}

/// Decides what to do after the answer to a leave. `attempt` counts from 1.
pub(super) fn after_leave(reply: &Reply, attempt: u32) -> Next<LeaveEnd> {
    let answer = match retry(reply, attempt) {
        Ok(again) => return again,
        Err(answer) => answer,
    };
    Next::Done(match (answer.status, &answer.body.code) {
        (204, _) => LeaveEnd::Left,
        (409 | 404, Some(code)) => LeaveEnd::Refused(code.clone()),
        _ => LeaveEnd::Failed(describe(answer)),
    })
}

/// Handles the answers that are retried for any request. `Err` holds an answer that is final.
fn retry<T>(reply: &Reply, attempt: u32) -> Result<Next<T>, &Answer> {
    let answer = match reply {
        Reply::Lost(_) => return Ok(Next::Again(backoff(attempt), Retry::Lost)),
        Reply::Answered(answer) => answer,
    };
    let reason = match (answer.status, answer.body.code.as_deref()) {
        (202, _) | (409, Some("pending")) => Retry::Pending,
        (409, Some("places_held")) => Retry::PlacesHeld,
        // The request did not arrive in time, or the server was closing the idle connection. The request was not
        // processed.
        (408, _) => Retry::Lost,
        (429, _) => Retry::TooMany,
        (503, _) => Retry::Busy,
        (500..=599, _) if attempt < ATTEMPTS_MAX => Retry::Broken,
        _ => return Err(answer),
    };
    Ok(Next::Again(answer.retry_after.unwrap_or_else(|| backoff(attempt)), reason))
}

fn backoff(attempt: u32) -> Duration {
    FIRST_WAIT.saturating_mul(2_u32.saturating_pow(attempt.saturating_sub(1))).min(LONGEST_WAIT)
}

fn describe(answer: &Answer) -> String {
    match &answer.body.code {
        Some(code) => format!("{} {code}", answer.status),
        None => answer.status.to_string(),
    }
}

#[cfg(test)]
#[path = "protocol_tests.rs"]
mod tests;
