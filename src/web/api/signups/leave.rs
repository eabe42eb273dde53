//! `DELETE /signups/{id}`: leaves a deal before it tips.

use actix_web::{HttpResponse, web};

use super::PENDING_RETRY_S;
use crate::App;
use crate::domain::{LeaveOutcome, SignupId};
use crate::limits::Limit;
use crate::web::problem::{Code, Problem};
use crate::web::request::{Buyer, ClientNetwork, Id, needs};

/// `DELETE /signups/{id}`
#[utoipa::path(
    delete, path = "/signups/{id}", tag = "joining", operation_id = "leave_deal",
    summary = "Leave a deal",
    description = "Buyers can leave until the deal tips. Leaving twice has no further effect.",
    params(("id" = uuid::Uuid, Path, description = "The signup's id.")),
    responses((status = 204, description = "The buyer has left.")),
    security(("token" = ["join"]), ("session" = [])),
    extensions(
        ("x-problems" = json!(["no_such_signup", "already_tipped", "closed", "pending", "busy"])),
    ),
)]
pub async fn leave(
    app: web::Data<App>,
    buyer: Buyer<needs::Join>,
    client: ClientNetwork,
    signup: Id<SignupId>,
) -> Result<HttpResponse, Problem> {
    app.limits.take(Limit::JoinsFrom(client.0)).await?;
    app.limits.take(Limit::JoinsOf(buyer.account)).await?;
    match app.engine.leave(buyer.account, signup.0).await {
        LeaveOutcome::Left => Ok(HttpResponse::NoContent().finish()),
        LeaveOutcome::AlreadyTipped => Err(Problem::new(Code::AlreadyTipped)),
        LeaveOutcome::Closed => Err(Problem::new(Code::Closed)),
        LeaveOutcome::NoSuchSignup => Err(Problem::new(Code::NoSuchSignup)),
        LeaveOutcome::Pending => Err(Problem::new(Code::Pending).retry_after(PENDING_RETRY_S)),
        LeaveOutcome::Busy { retry_after_s } => Err(Problem::new(Code::Busy).retry_after(retry_after_s)),
        LeaveOutcome::Broken => Err(Problem::new(Code::Internal)),
    }
}
