//! `GET` and `POST /merchant/deals/new`: the editor of a new deal.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;

use super::deal_form::DealForm;
use crate::domain::{AccountId, Deal, DealId, FieldProblem, Lifecycle, Progress, Terms};
use crate::limits::Limit;
use crate::web::pages::context::Context;
use crate::web::pages::error::PageError;
use crate::web::pages::render;
use crate::web::pages::response::see_other;
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
    match form.parse(context.now()) {
        Err(problems) => editor(&context, &form, StatusCode::UNPROCESSABLE_ENTITY, &problems, None).await,
        Ok(terms) if form.is_preview() => {
            let preview = preview(&context, terms, merchant.account, merchant.name.to_string());
            editor(&context, &form, StatusCode::OK, &[], Some(preview)).await
        }
        Ok(terms) => {
            let deal = context.app.store.create_deal(merchant.account, &terms, None).await?;
            Ok(see_other(&format!("/merchant/deals/{}", deal.id)))
        }
    }
}

/// The preview of a deal with these terms that is not stored.
fn preview(context: &Context, terms: Terms, merchant: AccountId, merchant_name: String) -> Preview {
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
    let deal =
        Deal { id, merchant, merchant_name, terms, progress, picture: None, version: 0, created_at: now, lifecycle };
    Preview::new(&deal, now)
}

async fn editor(
    context: &Context,
    form: &DealForm,
    status: StatusCode,
    problems: &[FieldProblem],
    preview: Option<Preview>,
) -> Result<HttpResponse, PageError> {
    let page = EditorPage {
        layout: context.layout(),
        heading: "Offer a deal",
        action: PATH.to_owned(),
        back: "/merchant".to_owned(),
        version: String::new(),
        published: false,
        form: form.form().with_problems(problems),
        preview,
        categories: context.app.store.facets().await?.categories,
    };
    render::page(status, &page)
}
