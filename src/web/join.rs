//! Joining a deal, as the API and the form do it: everything between reading a request and rendering its answer.
//!
//! | # | Step | Where | Answer if it fails |
//! |---|---|---|---|
//! | 1 | reserve a place in the deal's queue | the gate | busy; if the caller is unknown, before Postgres is asked |
//! | 2 | authorise the caller and read the body | extractors | that of the extractor |
//! | 3 | shed the request if it has no place | [`join`] | busy |
//! | 4 | check the input | [`join`] | that of the handler |
//! | 5 | count the request against the rate limits | [`join`] | limited |
//! | 6 | refuse the staff of the deal's merchant | [`join`] | `own_deal` |
//! | 7 | join from the reserved place | the engine | its outcome |
//!
//! A busy answer comes before the rate limits, so it does not count against them. It comes after the body was read, because actix
//! closes a connection whose request body was not read.

use crate::App;
use crate::domain::{DealId, IdempotencyKey, JoinOutcome, JoinRequest, Refusal, Units};
use crate::limits::{Limit, Network, RateLimited};
use crate::people::Identity;
use crate::store::StoreError;
use crate::web::request::ReservedPlace;

/// `Retry-After` when every free unit is held. The joins that hold them are recorded or have failed by then.
const PLACES_HELD_RETRY_S: u32 = 1;

/// The answer to a request to join. `E` is the handler's error for invalid input.
pub enum Answer<E> {
    /// The engine's outcome.
    Outcome(JoinOutcome),
    /// A rate limit was exceeded.
    Limited(RateLimited),
    /// The input is invalid.
    Invalid(E),
    /// Postgres was asked whether the deal is the buyer's own, and did not answer.
    Failed(StoreError),
}

impl<E> Answer<E> {
    /// Seconds until the next try, if trying again is likely to help.
    #[must_use]
    pub const fn retry_after_s(&self) -> Option<u32> {
        match self {
            Self::Outcome(JoinOutcome::Busy { retry_after_s }) | Self::Limited(RateLimited { retry_after_s }) => {
                Some(*retry_after_s)
            }
            Self::Outcome(JoinOutcome::Refused(Refusal::PlacesHeld)) => Some(PLACES_HELD_RETRY_S),
            Self::Outcome(_) | Self::Invalid(_) | Self::Failed(_) => None,
        }
    }
}

/// Joins a deal from the place that the gate reserved: steps 3 to 7 of the module's table.
pub async fn join<E>(
    app: &App,
    place: ReservedPlace,
    deal: DealId,
    buyer: &Identity,
    client: Network,
    input: Result<(Units, IdempotencyKey), E>,
) -> Answer<E> {
    let place = match place.take() {
        // A place without a slot may have been reserved before the caller was identified. A buyer who joined before needs a slot.
        Some(Ok(place)) if place.is_queued() => Ok(place),
        Some(Err(full)) => Err(full),
        Some(Ok(_)) | None => app.engine.reserve(deal, Some(buyer.account)),
    };
    let place = match place {
        Ok(place) => place,
        Err(full) => return Answer::Outcome(full.into()),
    };
    let (units, key) = match input {
        Ok(input) => input,
        Err(invalid) => return Answer::Invalid(invalid),
    };
    for limit in [Limit::JoinsFrom(client), Limit::JoinsOf(buyer.account), Limit::JoinsIn(buyer.account, deal)] {
        if let Err(limited) = app.limits.take(limit).await {
            return Answer::Limited(limited);
        }
    }
    let request = JoinRequest::new(deal, buyer.account, units, &key);
    match app.engine.is_own_deal(&buyer.staff_of, &request).await {
        Ok(true) => Answer::Outcome(JoinOutcome::Refused(Refusal::OwnDeal)),
        Ok(false) => Answer::Outcome(app.engine.join_from(place, request).await),
        Err(error) => Answer::Failed(error),
    }
}
