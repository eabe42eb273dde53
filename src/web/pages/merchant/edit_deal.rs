//! `GET` and `POST /merchant/deals/{deal}/edit`: the editor of an existing deal. Only the texts of a published deal can
//! change.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use chrono::{DateTime, Utc};

use super::deal_form::DealForm;
use super::own_deal;
use crate::domain::{Deal, FieldProblem, Terms};
use crate::limits::Limit;
use crate::store::{DealChange, UpdateOutcome};
use crate::web::page::Context;
use crate::web::page::PageError;
use crate::web::page::render;
use crate::web::page::see_other;
use crate::web::pages::view::merchant::{EditorPage, Preview};
use crate::web::request::CsrfForm;

const CHANGED: &str = "This deal was changed in another window meanwhile. What you typed is still here; saving again replaces that change.";
const PUBLISHED: &str = "This deal was published meanwhile: only its texts can still change.";

/// How a rejected or previewed form is shown.
#[derive(Default)]
struct Feedback {
    status: StatusCode,
    problems: Vec<FieldProblem>,
    general: Option<&'static str>,
}

/// `GET /merchant/deals/{deal}/edit`
pub async fn edit_deal(context: Context, path: web::Path<String>) -> Result<HttpResponse, PageError> {
    let deal = own_deal(&context, &path).await?;
    let form = DealForm::from(&deal.terms);
    editor(&context, &deal, &form, Feedback::default()).await
}

/// `POST /merchant/deals/{deal}/edit`: saves the deal, or previews it.
pub async fn update_deal(
    context: Context,
    path: web::Path<String>,
    CsrfForm(form): CsrfForm<DealForm>,
) -> Result<HttpResponse, PageError> {
    let deal = own_deal(&context, &path).await?;
    context.within([Limit::WritesOf(context.merchant()?.account)]).await?;
    let form = if deal.lifecycle.terms_may_change() { form } else { form.texts_over(&deal.terms) };
    let terms = match changed_terms(&deal, &form, context.now()) {
        Ok(terms) => terms,
        Err(problems) => {
            let feedback = Feedback { status: StatusCode::UNPROCESSABLE_ENTITY, problems, general: None };
            return editor(&context, &deal, &form, feedback).await;
        }
    };
    if form.is_preview() {
        let preview = Deal { terms, ..deal };
        return editor(&context, &preview, &form, Feedback::default()).await;
    }
    let version = form.version.parse().unwrap_or(deal.version);
    let change = if deal.lifecycle.terms_may_change() {
        DealChange::Terms(Box::new(terms))
    } else {
        DealChange::Texts { title: terms.title, description: terms.description }
    };
    match context.app.store.update_deal(deal.merchant, deal.id, version, &change).await? {
        UpdateOutcome::Updated(deal) => Ok(see_other(&format!("/merchant/deals/{}", deal.id))),
        UpdateOutcome::NoSuchDeal => Err(context.not_found()),
        UpdateOutcome::Changed => conflict(&context, &deal, &form, CHANGED).await,
        UpdateOutcome::Published => conflict(&context, &deal, &form, PUBLISHED).await,
    }
}

/// The terms that saving would store. For a published deal only the texts are parsed.
fn changed_terms(deal: &Deal, form: &DealForm, now: DateTime<Utc>) -> Result<Terms, Vec<FieldProblem>> {
    if deal.lifecycle.terms_may_change() {
        return form.parse(now);
    }
    let (title, description) = form.parse_texts()?;
    Ok(Terms { title, description, ..deal.terms.clone() })
}

async fn conflict(
    context: &Context,
    deal: &Deal,
    form: &DealForm,
    general: &'static str,
) -> Result<HttpResponse, PageError> {
    let deal = own_deal(context, &deal.id.to_string()).await?;
    let feedback = Feedback { status: StatusCode::CONFLICT, general: Some(general), problems: Vec::new() };
    editor(context, &deal, form, feedback).await
}

async fn editor(
    context: &Context,
    deal: &Deal,
    form: &DealForm,
    feedback: Feedback,
) -> Result<HttpResponse, PageError> {
    let console = format!("/merchant/deals/{}", deal.id);
    let mut form = form.form().with_problems(&feedback.problems);
    form.general.extend(feedback.general.map(str::to_owned));
    let page = EditorPage {
        layout: context.layout(),
        heading: "Edit the deal",
        action: format!("{console}/edit"),
        back: console,
        version: deal.version.to_string(),
        published: !deal.lifecycle.terms_may_change(),
        form,
        preview: Some(Preview::new(deal, context.now())),
        merchants: Vec::new(),
        categories: context.app.store.facets().await?.categories,
    };
    render::page(feedback.status, &page)
}
