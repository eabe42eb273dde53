//! Admission: Redis creates a hold for each request to join, or refuses the request before it reaches Postgres.

use std::time::Duration;

use redis::{AsyncCommands, Value};

use super::{Quota, Unavailable, keys, scripts};
use crate::domain::{DealId, JoinRequest, Refusal, SignupId};

/// The TTL of the announcement that a cap is about to be raised.
const RAISING_FOR: Duration = Duration::from_secs(10);
/// The announced value for a cap that is about to be removed.
const NO_CAP: &str = "none";

/// Redis' answer to one request to join.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// A hold blocks the units.
    Admitted,
    /// The buyer has had a signup in the deal, or Redis may have missed it: only Postgres may refuse.
    Known,
    /// A rule of the deal forbids the join.
    Refused {
        refusal: Refusal,
        /// With [`Refusal::SoldOut`], the epoch and `rev` at which no unit is left. Another version may have units
        /// left.
        version: Option<(i64, i64)>,
    },
}

impl Answer {
    /// A refusal that does not depend on the deal's version.
    #[must_use]
    pub const fn refused(refusal: Refusal) -> Self {
        Self::Refused { refusal, version: None }
    }

    /// [`Refusal::SoldOut`] at this version.
    #[must_use]
    pub const fn sold_out(epoch: i64, rev: i64) -> Self {
        Self::Refused { refusal: Refusal::SoldOut, version: Some((epoch, rev)) }
    }
}

/// Redis' answer to a batch of requests for one deal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Admission {
    /// One answer for each request, in their order.
    Answers(Vec<Answer>),
    /// The deal is not loaded: load it, then call [`Quota::admit`] again.
    Load,
}

impl Quota {
    /// Requests holds in one deal. `now_ms` is the node's clock in Unix milliseconds.
    ///
    /// # Errors
    /// Redis is unavailable: Postgres decides alone.
    pub async fn admit(&self, deal: DealId, requests: &[JoinRequest], now_ms: i64) -> Result<Admission, Unavailable> {
        #[cfg(feature = "negative-controls")]
        if self.admits_everybody.load(std::sync::atomic::Ordering::SeqCst) {
            return Ok(Admission::Answers(vec![Answer::Admitted; requests.len()]));
        }
        let link = self.links.online().ok_or(Unavailable)?;
        let mut call = scripts::ADMIT.key(self.keys.quota(deal));
        call.key(self.keys.buyers(deal)).key(self.keys.holds(deal)).key(self.keys.held(deal));
        call.key(self.keys.raising(deal));
        call.arg(&*link.run_id).arg(now_ms).arg(self.hold_ttl_ms());
        for request in requests {
            call.arg(request.id.to_string()).arg(request.buyer.to_string()).arg(request.units.get());
        }
        let replies: Vec<String> = match call.invoke_async(&mut link.connection.clone()).await {
            Ok(replies) => replies,
            Err(error) => return Err(self.lost(&link, "admit", &error)),
        };
        if replies.first().is_some_and(|word| word == "load") {
            return Ok(Admission::Load);
        }
        let answers: Option<Vec<Answer>> = replies.iter().map(|word| answer(word)).collect();
        match answers {
            Some(answers) if answers.len() == requests.len() => Ok(Admission::Answers(answers)),
            _ => {
                tracing::error!(?replies, "unexpected reply from lua/admit.lua");
                Err(Unavailable)
            }
        }
    }

    /// Announces for `RAISING_FOR` that a deal's cap is about to be raised to `cap`. If no unit is left, admission
    /// answers `places_held` instead of `sold_out` until the new cap is applied.
    ///
    /// # Errors
    /// Redis is unavailable.
    pub async fn announce_raise(&self, deal: DealId, cap: Option<u32>) -> Result<(), Unavailable> {
        let link = self.any_link()?;
        let cap = cap.map_or_else(|| NO_CAP.to_owned(), |cap| cap.to_string());
        let ttl_ms = u64::try_from(RAISING_FOR.as_millis()).unwrap_or(u64::MAX);
        let stored = link.connection.clone().pset_ex::<_, _, ()>(self.keys.raising(deal), cap, ttl_ms).await;
        stored.map_err(|error| self.lost(&link, "announce_raise", &error))
    }

    /// Drops the holds of joins that will not be recorded, so that they do not block units until they expire.
    pub async fn release(&self, deal: DealId, signups: &[SignupId]) {
        let Ok(link) = self.any_link() else { return };
        let mut call = scripts::RELEASE.key(self.keys.holds(deal));
        call.key(self.keys.held(deal)).arg(keys::texts(signups));
        if let Err(error) = call.invoke_async::<Value>(&mut link.connection.clone()).await {
            self.lost(&link, "release", &error);
        }
    }

    /// Extends the holds of joins that are still being recorded.
    pub async fn renew(&self, deal: DealId, signups: &[SignupId]) {
        let Ok(link) = self.any_link() else { return };
        let mut call = scripts::RENEW.key(self.keys.holds(deal));
        call.key(self.keys.held(deal)).arg(self.hold_ttl_ms()).arg(keys::texts(signups));
        if let Err(error) = call.invoke_async::<Value>(&mut link.connection.clone()).await {
            self.lost(&link, "renew", &error);
        }
    }

    /// Whether this signup has a hold, which means that a node may be recording its join.
    ///
    /// # Errors
    /// Redis is unavailable.
    pub async fn is_held(&self, deal: DealId, signup: SignupId) -> Result<bool, Unavailable> {
        let link = self.any_link()?;
        let mut command = redis::cmd("HEXISTS");
        command.arg(self.keys.held(deal)).arg(signup.to_string());
        match command.query_async(&mut link.connection.clone()).await {
            Ok(held) => Ok(held),
            Err(error) => Err(self.lost(&link, "is_held", &error)),
        }
    }

    fn hold_ttl_ms(&self) -> u64 {
        u64::try_from(self.settings.hold_ttl.as_millis()).unwrap_or(u64::MAX)
    }
}

/// Parses a reply: a word, followed by the version for `sold_out` and by the maximum units for `not_enough_left`.
fn answer(reply: &str) -> Option<Answer> {
    let (word, numbers) = reply.split_once(' ').unwrap_or((reply, ""));
    Some(match word {
        "admitted" => Answer::Admitted,
        "known" => Answer::Known,
        word => match Refusal::parse(word, numbers.parse().unwrap_or_default())? {
            Refusal::SoldOut => {
                let (epoch, rev) = numbers.split_once(' ')?;
                Answer::sold_out(epoch.parse().ok()?, rev.parse().ok()?)
            }
            Refusal::NotEnoughLeft { .. } => {
                Answer::refused(Refusal::NotEnoughLeft { available: numbers.parse().ok()? })
            }
            refusal => Answer::refused(refusal),
        },
    })
}
