//! What a client of the API does with an answer: take it as final, or repeat the same request. Pure.
//!
//! Only a final answer counts. Whatever came before it to the same key (nothing at all, "pending", "busy") says nothing
//! about whether the request was recorded; the final answer says it for all of them together.

use std::time::Duration;

use serde::Deserialize;

use crate::domain::{Figures, SignupId};

/// How long to wait where the answer does not say it, doubled with each repeat.
const FIRST_WAIT: Duration = Duration::from_millis(100);
const LONGEST_WAIT: Duration = Duration::from_secs(5);
/// A server that breaks each time is not asked for ever.
const MOST_BREAKDOWNS: u32 = 5;

/// What came back to one request.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Reply {
    /// An answer.
    Answered(Answer),
    /// None: the connection failed, or it took too long. Nobody knows what was recorded.
    Lost(String),
}

/// An answer, as far as a client looks at it.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) retry_after: Option<Duration>,
    pub(super) replayed: bool,
    pub(super) body: Body,
}

/// The fields of signups and of problems that a client looks at.
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

/// What to do now.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Next<T> {
    /// This is how it ended.
    Done(T),
    /// The same again, after a while.
    Again(Duration, Why),
}

/// Why a request is repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Why {
    /// 503: there was too much to do.
    Busy,
    /// 429: somebody asked for too much.
    TooMany,
    /// 409 `places_held`: the last places are being taken.
    PlacesHeld,
    /// 202, or 409 `pending`: it is being recorded.
    Pending,
    /// No answer.
    Lost,
    /// Any other 5xx.
    Broken,
}

impl Why {
    /// The word for it in tables.
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

/// How joining ended.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum JoinEnd {
    Joined(Receipt),
    Refused(String),
    /// An answer that a correct client of a correct server never gets.
    Failed(String),
}

/// A place in a deal.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Receipt {
    pub(super) signup: SignupId,
    pub(super) units: u32,
    pub(super) number: u32,
    pub(super) replayed: bool,
    pub(super) figures: Figures,
}

/// How leaving ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum LeaveEnd {
    Left,
    Refused(String),
    Failed(String),
}

/// What to do with the answer to a join that was sent `attempt` times, this one included.
pub(super) fn after_join(reply: &Reply, attempt: u32) -> Next<JoinEnd> {
    let answer = match repeat(reply, attempt) {
        Ok(repeat) => return repeat,
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

/// What to do with the answer to a leave that was sent `attempt` times, this one included.
pub(super) fn after_leave(reply: &Reply, attempt: u32) -> Next<LeaveEnd> {
    let answer = match repeat(reply, attempt) {
        Ok(repeat) => return repeat,
        Err(answer) => answer,
    };
    Next::Done(match (answer.status, &answer.body.code) {
        (204, _) => LeaveEnd::Left,
        (409 | 404, Some(code)) => LeaveEnd::Refused(code.clone()),
        _ => LeaveEnd::Failed(describe(answer)),
    })
}

/// What is repeated whatever it was; else the answer.
fn repeat<T>(reply: &Reply, attempt: u32) -> Result<Next<T>, &Answer> {
    let answer = match reply {
        Reply::Lost(_) => return Ok(Next::Again(backoff(attempt), Why::Lost)),
        Reply::Answered(answer) => answer,
    };
    let why = match (answer.status, answer.body.code.as_deref()) {
        (202, _) | (409, Some("pending")) => Why::Pending,
        (409, Some("places_held")) => Why::PlacesHeld,
        // It did not get there in time, or the connection had been idle for too long just then: nothing was done.
        (408, _) => Why::Lost,
        (429, _) => Why::TooMany,
        (503, _) => Why::Busy,
        (500..=599, _) if attempt < MOST_BREAKDOWNS => Why::Broken,
        _ => return Err(answer),
    };
    Ok(Next::Again(answer.retry_after.unwrap_or_else(|| backoff(attempt)), why))
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
