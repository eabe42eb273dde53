//! `POST /deals`: creates a draft.

use actix_web::http::header::{ETAG, LOCATION};
use actix_web::{HttpResponse, web};
use chrono::{DateTime, Utc};

use super::DealView;
use crate::App;
use crate::domain::{FieldProblem, Merchant as Seller, StaffOf, Terms, TermsForm};
use crate::limits::Limit;
use crate::web::paths;
use crate::web::problem::Problem;
use crate::web::request::{Body, Merchant, etag, needs};

/// `POST /deals`
#[utoipa::path(
    post, path = "/deals", tag = "deals", operation_id = "create_deal",
    summary = "Create a draft",
    description = "Only the staff of its merchant see the deal until you publish it.",
    request_body = TermsForm,
    responses((
        status = 201, description = "The draft.", body = DealView,
        headers(("Location" = String, description = "The deal's URL."), ("ETag" = String, description = "The deal's version, for `If-Match`.")),
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
    let (seller, terms) = parse(&form, &merchant.staff_of, app.clock.now())?;
    let deal = app.store.create_deal(seller.id, &terms, None).await?;
    Ok(HttpResponse::Created()
        .insert_header((LOCATION, paths::deal(deal.id)))
        .insert_header((ETAG, etag::of(&deal)))
        .json(DealView::from(&deal)))
}

fn parse<'a>(
    form: &TermsForm,
    staff_of: &'a StaffOf,
    now: DateTime<Utc>,
) -> Result<(&'a Seller, Terms), Vec<FieldProblem>> {
    match (staff_of.choose(form.merchant.as_deref()), Terms::parse(form, now)) {
        (Ok(seller), Ok(terms)) => Ok((seller, terms)),
        (seller, terms) => Err(seller.err().into_iter().chain(terms.err().into_iter().flatten()).collect()),
    }
}
