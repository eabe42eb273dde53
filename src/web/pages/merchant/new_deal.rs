//! `GET` and `POST /merchant/deals/new`: the editor of a new deal.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use chrono::{DateTime, Utc};

use super::deal_form::DealForm;
use crate::domain::{Deal, DealId, FieldProblem, Lifecycle, Merchant, Progress, StaffOf, Terms};
use crate::limits::Limit;
use crate::web::page::Context;
use crate::web::page::PageError;
use crate::web::page::render;
use crate::web::page::see_other;
use crate::web::pages::view::merchant::{EditorPage, Preview};
use crate::web::request::CsrfForm;

const PATH: &str = "/merchant/deals/new";

/// `GET /merchant/deals/new`
pub async fn new_deal(context: Context) -> Result<HttpResponse, PageError> {
    context.merchant()?;
    editor(&context, &DealForm::blank(), StatusCode::OK, &[], None).await
}

/// `POST /merchant/deals/new`: saves a draft, or previews it.
pub async fn create_deal(context: Context, CsrfForm(form): CsrfForm<DealForm>) -> Result<HttpResponse, PageError> {
    let merchant = context.merchant()?;
    context.within([Limit::WritesOf(merchant.account)]).await?;
    match parse(&form, &merchant.staff_of, context.now()) {
        Err(problems) => editor(&context, &form, StatusCode::UNPROCESSABLE_ENTITY, &problems, None).await,
        Ok((seller, terms)) if form.is_preview() => {
            let preview = preview(&context, terms, seller);
            editor(&context, &form, StatusCode::OK, &[], Some(preview)).await
        }
        Ok((seller, terms)) => {
            let deal = context.app.store.create_deal(seller.id, &terms, None).await?;
            Ok(see_other(&format!("/merchant/deals/{}", deal.id)))
        }
    }
}

/// The form has no merchant if the visitor has only one.
fn parse<'a>(
    form: &DealForm,
    staff_of: &'a StaffOf,
    now: DateTime<Utc>,
) -> Result<(&'a Merchant, Terms), Vec<FieldProblem>> {
    let named = Some(form.merchant.as_str()).filter(|id| !id.is_empty());
    match (staff_of.choose(named), form.parse(now)) {
        (Ok(seller), Ok(terms)) => Ok((seller, terms)),
        (seller, terms) => Err(seller.err().into_iter().chain(terms.err().into_iter().flatten()).collect()),
    }
}

/// The preview of an unsaved deal with these terms.
fn preview(context: &Context, terms: Terms, seller: &Merchant) -> Preview {
    let id = DealId::generate();
    let now = context.now();
    let lifecycle = Lifecycle::Draft;
    let progress = Progress {
        deal: id,
        epoch: 0,
        rev: 0,
        state: lifecycle.state(),
        buyers: 0,
        units: 0,
        tipping_point: terms.tipping_point,
        cap: terms.cap,
        closes_at: terms.closes_at,
    };
    let deal = Deal {
        id,
        merchant: seller.id,
        merchant_name: seller.name.clone(),
        terms,
        progress,
        picture: None,
        version: 0,
        created_at: now,
        lifecycle,
    };
    Preview::new(&deal, now)
}

async fn editor(
    context: &Context,
    form: &DealForm,
    status: StatusCode,
    problems: &[FieldProblem],
    preview: Option<Preview>,
) -> Result<HttpResponse, PageError> {
    let merchants = context.merchant()?.staff_of.merchants();
    let page = EditorPage {
        layout: context.layout(),
        heading: "Offer a deal",
        action: PATH.to_owned(),
        back: "/merchant".to_owned(),
        version: String::new(),
        published: false,
        form: form.form().with_problems(problems),
        preview,
        merchants: if merchants.len() > 1 { merchants.to_vec() } else { Vec::new() },
        categories: context.app.store.facets().await?.categories,
    };
    render::page(status, &page)
}
