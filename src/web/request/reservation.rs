//! The slot in a lane that the gate reserved for a request to join.
//!
//! Slots are scarce, so a client cannot keep one by sending its body slowly. After [`KEPT_WHILE_READING`] the slot is
//! freed, and the join needs another one once its body has arrived.

use std::future::{Future, Ready, ready};
use std::pin::pin;
use std::time::Duration;

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpMessage, HttpRequest};
use tokio::time::error::Elapsed;
use tokio::time::timeout;

use super::Caller;
use crate::engine::{LaneFull, Reservation};
use crate::web::problem::Problem;

/// How long a request keeps its slot while its body arrives. Most bodies arrive in one packet with the head.
const KEPT_WHILE_READING: Duration = Duration::from_millis(100);

/// The result of reserving a slot. `None` if the request is not recognised as a join.
pub type Reserved = Option<Result<Reservation, LaneFull>>;

/// What the gate leaves in the request's extensions. It is one value, because each value in the extensions is an
/// allocation.
pub struct GatePass {
    pub caller: Caller,
    pub reservation: Reserved,
}

/// The slot that the gate reserved. It stays in the request's extensions, and is freed with them, until a handler takes
/// it.
pub struct ReservedSlot(HttpRequest);

impl FromRequest for ReservedSlot {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Ok(Self::of(request)))
    }
}

impl ReservedSlot {
    pub(super) fn of(request: &HttpRequest) -> Self {
        Self(request.clone())
    }

    /// Takes the slot out of the request.
    #[must_use]
    pub fn take(self) -> Reserved {
        take_from(&self.0)
    }

    /// Awaits the request's body, at most for `limit`. A request that takes longer than [`KEPT_WHILE_READING`] loses
    /// its slot.
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
        self.0.extensions().get::<GatePass>().is_some_and(|pass| matches!(pass.reservation, Some(Ok(_))))
    }
}

fn take_from(request: &HttpRequest) -> Reserved {
    request.extensions_mut().get_mut::<GatePass>().and_then(|pass| pass.reservation.take())
}
