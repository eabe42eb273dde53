//! `GET /signups/{id}`: shows one of the caller's signups, or reports that it is still being recorded.

use actix_web::{HttpResponse, web};

use super::{PendingSignup, SignupView, pending};
use crate::App;
use crate::domain::SignupId;
use crate::web::problem::{Code, Problem};
use crate::web::request::{Buyer, Id, needs};

/// `GET /signups/{id}`
#[utoipa::path(
    get, path = "/signups/{id}", tag = "joining", operation_id = "show_signup",
    summary = "Get a signup of yours",
    description = "Answers 202 while the signup is still being recorded.",
    params(("id" = uuid::Uuid, Path, description = "The signup's id.")),
    responses(
        (status = 200, description = "The signup.", body = SignupView),
        (
            status = 202, description = "The signup is still being recorded.", body = PendingSignup,
            headers(("Retry-After" = u32, description = "When to repeat the request, in seconds.")),
        ),
    ),
    security(("token" = ["read"]), ("session" = [])),
    extensions(("x-problems" = json!(["no_such_signup"]))),
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
    // The signup may have been recorded between the two lookups.
    match app.store.signup(buyer.account, signup.0).await? {
        Some(signup) => Ok(HttpResponse::Ok().json(SignupView::from(signup))),
        None => Err(Problem::new(Code::NoSuchSignup)),
    }
}
