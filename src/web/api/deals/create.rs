//! `POST /deals`: a draft.

use actix_web::http::header::{ETAG, LOCATION};
use actix_web::{HttpResponse, web};

use super::DealView;
use crate::App;
use crate::domain::{Terms, TermsForm};
use crate::limits::Limit;
use crate::web::etag;
use crate::web::extract::{Body, Merchant, needs};
use crate::web::problem::Problem;

/// `POST /deals`
#[utoipa::path(
    post, path = "/deals", tag = "deals", operation_id = "create_deal",
    summary = "Write a deal",
    description = "It is a draft that only you see, until you publish it.",
    request_body = TermsForm,
    responses((
        status = 201, description = "The draft.", body = DealView,
        headers(("Location" = String, description = "Where it is."), ("ETag" = String, description = "Its version, for `If-Match`.")),
    )),
    security(("token" = ["deals"]), ("session" = [])),
    extensions(("x-role" = json!("merchant"))),
)]
pub async fn create(
    app: web::Data<App>,
    merchant: Merchant<needs::Deals>,
    body: Body,
) -> Result<HttpResponse, Problem> {
    app.limits.take(Limit::WritesOf(merchant.account)).await?;
    let form: TermsForm = body.json().await?;
    let terms = Terms::parse(&form, app.clock.now())?;
    let deal = app.store.create_deal(merchant.account, &terms, None).await?;
    Ok(HttpResponse::Created()
        .insert_header((LOCATION, format!("/api/v1/deals/{}", deal.id)))
        .insert_header((ETAG, etag::of(&deal)))
        .json(DealView::from(&deal)))
}
