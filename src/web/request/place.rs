//! The place in a deal's queue that the gate reserved for a request to join.
//!
//! A place is scarce, so a client cannot keep one by sending its body slowly: after [`KEPT_WHILE_READING`] the place is freed, and
//! the join needs another one once its body has arrived.

use std::future::{Future, Ready, ready};
use std::pin::pin;
use std::time::Duration;

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpMessage, HttpRequest};

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
        ready(Ok(Self(request.clone())))
    }
}

impl ReservedPlace {
    /// Takes the place out of the request.
    #[must_use]
    pub fn take(self) -> Reservation {
        take_from(&self.0)
    }

    /// Awaits the request's body. A request that takes long loses its place.
    pub async fn while_reading<T>(&self, reading: impl Future<Output = T>) -> T {
        if !self.is_held() {
            return reading.await;
        }
        let mut reading = pin!(reading);
        if let Ok(read) = tokio::time::timeout(KEPT_WHILE_READING, reading.as_mut()).await {
            return read;
        }
        drop(take_from(&self.0));
        reading.await
    }

    fn is_held(&self) -> bool {
        self.0.extensions().get::<GatePass>().is_some_and(|pass| matches!(pass.place, Some(Ok(_))))
    }
}

fn take_from(request: &HttpRequest) -> Reservation {
    request.extensions_mut().get_mut::<GatePass>().and_then(|pass| pass.place.take())
}
