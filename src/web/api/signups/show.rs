//! `GET /signups/{id}`: one of one's own, or how far its recording is.

use actix_web::{HttpResponse, web};

use super::{PendingSignup, SignupView, pending};
use crate::App;
use crate::domain::SignupId;
use crate::web::error::Code;
use crate::web::extract::{Buyer, Id, needs};
use crate::web::problem::Problem;

/// `GET /signups/{id}`
#[utoipa::path(
    get, path = "/signups/{id}", tag = "joining", operation_id = "show_signup",
    summary = "A signup of yours",
    description = "After a 202 it is pending for as long as it is being recorded.",
    params(("id" = uuid::Uuid, Path, description = "The signup's id.")),
    responses(
        (status = 200, description = "The signup.", body = SignupView),
        (
            status = 202, description = "It is still being recorded.", body = PendingSignup,
            headers(("Retry-After" = u32, description = "Seconds.")),
        ),
    ),
    security(("token" = ["read"]), ("session" = [])),
    extensions(("x-role" = json!("buyer")), ("x-problems" = json!(["no_such_signup"]))),
)]
pub async fn show(
    app: web::Data<App>,
    buyer: Buyer<needs::Read>,
    signup: Id<SignupId>,
) -> Result<HttpResponse, Problem> {
    if let Some(signup) = app.store.signup(buyer.account, signup.0).await? {
        return Ok(HttpResponse::Ok().json(SignupView::from(signup)));
    }
    if app.engine.pending(buyer.account, signup.0).await.is_some() {
        return Ok(pending(signup.0));
    }
    // Between the two looks it may have been recorded.
    match app.store.signup(buyer.account, signup.0).await? {
        Some(signup) => Ok(HttpResponse::Ok().json(SignupView::from(signup))),
        None => Err(Problem::new(Code::NoSuchSignup)),
    }
}
