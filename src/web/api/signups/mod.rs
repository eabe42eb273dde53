//! Signups: joining and leaving deals, and listing who joined.

pub mod join;
pub mod leave;
pub mod list;
pub mod of_deal;
pub mod show;

use actix_web::HttpResponse;
use actix_web::http::header::RETRY_AFTER;
use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::{DealId, Signup, SignupId, SignupState};

/// `Retry-After` while a signup is being recorded.
const PENDING_RETRY_S: u32 = 1;

/// One of your signups.
#[derive(Serialize, ToSchema)]
#[schema(as = Signup, example = json!({
    "id": "0b6c1e2a-8f3d-8a4b-9c5d-6e7f8a9b0c1d", "deal": "0197f3b0-5c1e-7c3a-9d2b-1f0a6e4c8b5d", "units": 2, "number": 17,
    "state": "active", "joined_at": "2026-11-22T08:00:00Z",
}))]
pub struct SignupView {
    #[schema(value_type = uuid::Uuid)]
    id: SignupId,
    #[schema(value_type = uuid::Uuid)]
    deal: DealId,
    units: u32,
    /// The deal's number of buyers right after this signup: "you are buyer 17".
    number: u32,
    state: SignupState,
    joined_at: DateTime<Utc>,
}

impl From<Signup> for SignupView {
    fn from(signup: Signup) -> Self {
        Self {
            id: signup.id,
            deal: signup.deal,
            units: signup.units,
            number: signup.number,
            state: signup.state,
            joined_at: signup.joined_at,
        }
    }
}

/// A signup that is still being recorded.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"id": "0b6c1e2a-8f3d-8a4b-9c5d-6e7f8a9b0c1d", "state": "pending"}))]
pub struct PendingSignup {
    #[schema(value_type = uuid::Uuid)]
    id: SignupId,
    /// Always `pending`.
    #[schema(value_type = String)]
    state: &'static str,
}

/// A 202 response: the signup is still being recorded.
fn pending(id: SignupId) -> HttpResponse {
    HttpResponse::Accepted()
        .insert_header((RETRY_AFTER, PENDING_RETRY_S.to_string()))
        .json(PendingSignup { id, state: "pending" })
}
