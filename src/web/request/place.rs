//! The place in a deal's queue that the gate reserved for a request to join.
//!
//! A place is scarce, so a client cannot keep one by sending its body slowly. After [`KEPT_WHILE_READING`] the place is
//! freed, and the join needs another one once its body has arrived.

use std::future::{Future, Ready, ready};
use std::pin::pin;
use std::time::Duration;

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpMessage, HttpRequest};
use tokio::time::error::Elapsed;
use tokio::time::timeout;

use super::Caller;
use crate::engine::{LaneFull, Place};
use crate::web::problem::Problem;

/// How long a request keeps its place while its body arrives. Most bodies come in one packet with the head.
const KEPT_WHILE_READING: Duration = Duration::from_millis(100);

/// The result of reserving a place. None if the request is not recognised as a join.
pub type Reservation = Option<Result<Place, LaneFull>>;

/// What the gate leaves in the request's extensions. It is one value, because each value there is an allocation.
pub struct GatePass {
    pub caller: Caller,
    pub place: Reservation,
}

/// The place that the gate reserved. It stays in the request's extensions, and is freed with them, until a handler takes it.
pub struct ReservedPlace(HttpRequest);

impl FromRequest for ReservedPlace {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Ok(Self::of(request)))
    }
}

impl ReservedPlace {
    pub(super) fn of(request: &HttpRequest) -> Self {
        Self(request.clone())
    }

    /// Takes the place out of the request.
    #[must_use]
    pub fn take(self) -> Reservation {
        take_from(&self.0)
    }

    /// Awaits the request's body, at most for `limit`. A request that takes longer than [`KEPT_WHILE_READING`] loses its place.
    ///
    /// # Errors
    /// The body did not arrive in time.
    pub async fn read_within<T>(&self, limit: Duration, reading: impl Future<Output = T>) -> Result<T, Elapsed> {
        let kept = if self.is_held() { KEPT_WHILE_READING.min(limit) } else { limit };
        let mut reading = pin!(reading);
        match timeout(kept, reading.as_mut()).await {
            Err(_) if kept < limit => {
                drop(take_from(&self.0));
                timeout(limit.saturating_sub(kept), reading).await
            }
            read => read,
        }
    }

    fn is_held(&self) -> bool {
        self.0.extensions().get::<GatePass>().is_some_and(|pass| matches!(pass.place, Some(Ok(_))))
    }
}

fn take_from(request: &HttpRequest) -> Reservation {
    request.extensions_mut().get_mut::<GatePass>().and_then(|pass| pass.place.take())
}
