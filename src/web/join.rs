//! Joining a deal, as the API and the form do it: everything between reading a request and rendering its answer.
//!
//! | # | Step | Where | Answer if it fails |
//! |---|---|---|---|
//! | 1 | reserve a slot in the deal's lane | the gate | busy, if the caller is not identified yet; others are answered in step 4 |
//! | 2 | identify the caller | the gate | `bad_token`; busy or unavailable, from [`crate::people`] |
//! | 3 | authorise the caller; read the body | extractors; for the API's body, the handler | theirs |
//! | 4 | shed the request if no slot was free, or is free once a slow body has arrived | [`join`] | busy |
//! | 5 | check the input | [`join`] | that of the handler |
//! | 6 | count the request against the limits on joins | [`join`] | limited |
//! | 7 | refuse the staff of the deal's merchant | [`join`] | `own_deal`; busy or unavailable, if Postgres cannot say |
//! | 8 | join from the reserved slot | the engine | its outcome; busy, if the join waited too long or Postgres cannot record it |
//!
//! The busy answers of steps 1 to 4 come before the limits on joins, so they do not count against them. Every request counts
//! against the limit on requests of an address, in the gate. The busy answer of step 4 comes after the body was read,
//! because actix closes a connection whose request body was not read.

use crate::App;
use crate::domain::{DealId, IdempotencyKey, JoinOutcome, JoinRequest, Refusal, Units};
use crate::limits::{Limit, Network, RateLimited};
use crate::people::Identity;
use crate::store::StoreError;
use crate::web::request::ReservedSlot;

/// `Retry-After` when every free unit is held. After this time the joins that hold the units have usually ended.
const PLACES_HELD_RETRY_S: u32 = 1;

/// The answer to a request to join. `E` is the handler's error for invalid input.
pub enum Answer<E> {
    /// The engine's outcome.
    Outcome(JoinOutcome),
    /// A rate limit was exceeded.
    Limited(RateLimited),
    /// The input is invalid.
    Invalid(E),
    /// Whether the deal is the buyer's own could not be looked up.
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

/// Joins a deal from the slot that the gate reserved: steps 4 to 8 of the module's table.
pub async fn join<E>(
    app: &App,
    reservation: ReservedSlot,
    deal: DealId,
    buyer: &Identity,
    client: Network,
    input: Result<(Units, IdempotencyKey), E>,
) -> Answer<E> {
    let reservation = match reservation.take() {
        // A reservation without a slot may have been made before the caller was identified. A buyer who joined before
        // needs a slot.
        Some(Ok(reservation)) if reservation.is_queued() => Ok(reservation),
        Some(Err(full)) => Err(full),
        Some(Ok(_)) | None => app.engine.reserve(deal, Some(buyer.account)),
    };
    let reservation = match reservation {
        Ok(reservation) => reservation,
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
        Ok(false) => Answer::Outcome(app.engine.join_from(reservation, request).await),
        Err(error) => Answer::Failed(error),
    }
}
