//! `GET` and `POST /merchant/deals/{deal}/edit`: changing a deal. A published one changes its texts only.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use chrono::{DateTime, Utc};

use super::own_deal;
use crate::domain::{Deal, DealState, FieldProblem, Terms};
use crate::limits::Limit;
use crate::store::{DealChange, UpdateOutcome};
use crate::web::pages::context::Context;
use crate::web::pages::error::PageError;
use crate::web::pages::render;
use crate::web::pages::typed::Typed;
use crate::web::pages::typed_deal::TypedDeal;
use crate::web::pages::view::merchant::{EditorPage, Preview};

const CHANGED: &str = "This deal was changed in another window meanwhile. What you typed is still here; saving again replaces that change.";
const PUBLISHED: &str = "This deal was published meanwhile: only its texts can still change.";

/// What is said of a try to save.
#[derive(Default)]
struct Verdict {
    status: StatusCode,
    problems: Vec<FieldProblem>,
    general: Option<&'static str>,
}

/// `GET /merchant/deals/{deal}/edit`
pub async fn edit_deal(context: Context, path: web::Path<String>) -> Result<HttpResponse, PageError> {
    let deal = own_deal(&context, &path).await?;
    let typed = TypedDeal::from(&deal.terms);
    editor(&context, &deal, &typed, Verdict::default()).await
}

/// `POST /merchant/deals/{deal}/edit`: saves, or shows how it would look.
pub async fn update_deal(
    context: Context,
    path: web::Path<String>,
    Typed(form): Typed<TypedDeal>,
) -> Result<HttpResponse, PageError> {
    let deal = own_deal(&context, &path).await?;
    context.within([Limit::WritesOf(deal.merchant)]).await?;
    let typed = if is_draft(&deal) { form } else { form.texts_over(&deal.terms) };
    let terms = match changed_terms(&deal, &typed, context.now()) {
        Ok(terms) => terms,
        Err(problems) => {
            let verdict = Verdict { status: StatusCode::UNPROCESSABLE_ENTITY, problems, general: None };
            return editor(&context, &deal, &typed, verdict).await;
        }
    };
    if typed.is_preview() {
        let shown = Deal { terms, ..deal };
        return editor(&context, &shown, &typed, Verdict::default()).await;
    }
    let version = typed.version.parse().unwrap_or(deal.version);
    let change = if is_draft(&deal) {
        DealChange::Terms(Box::new(terms))
    } else {
        DealChange::Texts { title: terms.title, description: terms.description }
    };
    match context.app.store.update_deal(deal.merchant, deal.id, version, &change).await? {
        UpdateOutcome::Updated(deal) => Ok(render::see_other(&format!("/merchant/deals/{}", deal.id))),
        UpdateOutcome::NoSuchDeal => Err(context.not_found()),
        UpdateOutcome::Changed => conflict(&context, &deal, &typed, CHANGED).await,
        UpdateOutcome::Published => conflict(&context, &deal, &typed, PUBLISHED).await,
    }
}

fn is_draft(deal: &Deal) -> bool {
    deal.progress.state == DealState::Draft
}

/// The terms as they would be. Those of a published deal stay, so only its texts are checked.
fn changed_terms(deal: &Deal, typed: &TypedDeal, now: DateTime<Utc>) -> Result<Terms, Vec<FieldProblem>> {
    if is_draft(deal) {
        return typed.parse(now);
    }
    let (title, description) = typed.parse_texts()?;
    Ok(Terms { title, description, ..deal.terms.clone() })
}

async fn conflict(
    context: &Context,
    deal: &Deal,
    typed: &TypedDeal,
    general: &'static str,
) -> Result<HttpResponse, PageError> {
    let deal = own_deal(context, &deal.id.to_string()).await?;
    let verdict = Verdict { status: StatusCode::CONFLICT, general: Some(general), problems: Vec::new() };
    editor(context, &deal, typed, verdict).await
}

async fn editor(
    context: &Context,
    deal: &Deal,
    typed: &TypedDeal,
    verdict: Verdict,
) -> Result<HttpResponse, PageError> {
    let here = format!("/merchant/deals/{}", deal.id);
    let mut form = typed.form().with_problems(&verdict.problems);
    form.general.extend(verdict.general.map(str::to_owned));
    let page = EditorPage {
        shell: context.shell(),
        heading: "Edit the deal",
        action: format!("{here}/edit"),
        back: here,
        version: deal.version.to_string(),
        published: !is_draft(deal),
        form,
        preview: Some(Preview::new(deal, context.now())),
        categories: context.app.store.facets().await?.categories,
    };
    render::page(verdict.status, &page)
}
