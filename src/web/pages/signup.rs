//! `GET /signups/{signup}`: a signup ("you are buyer 17"), or the page that waits for it.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use serde::{Deserialize, Serialize};

use super::view::join::JoinAttempt;
use super::view::signup::{PendingPage, RetryForm, SignupPage};
use crate::domain::{Deal, DealId, Signup, SignupId, Units};
use crate::web::page::Context;
use crate::web::page::Notice;
use crate::web::page::PageError;
use crate::web::page::render;

/// How often the waiting page reloads.
const REFRESH_S: u32 = 2;

/// A join whose outcome is not known yet. The waiting page's URL carries it, so that the page can repeat the join.
#[derive(Debug, Serialize, Deserialize)]
pub struct PendingJoin {
    deal: DealId,
    units: u32,
    key: String,
}

impl PendingJoin {
    /// An attempt to join this deal.
    #[must_use]
    pub fn new(deal: DealId, attempt: JoinAttempt) -> Self {
        Self { deal, units: attempt.units.clamp(1, Units::MAX), key: attempt.key }
    }

    /// The URL of the page that waits for this signup.
    #[must_use]
    pub fn url(&self, signup: SignupId) -> String {
        format!("/signups/{signup}?{}", serde_urlencoded::to_string(self).unwrap_or_default())
    }
}

/// `GET /signups/{signup}`
pub async fn signup(
    context: Context,
    path: web::Path<String>,
    request: HttpRequest,
) -> Result<HttpResponse, PageError> {
    let buyer = context.buyer()?.account;
    let id: SignupId = path.parse().map_err(|_| context.not_found())?;
    if let Some(signup) = context.app.store.signup(buyer, id).await? {
        let page = signup_page(&context, &signup, None).await?;
        return render::page(StatusCode::OK, &page);
    }
    let query = web::Query::<PendingJoin>::from_query(request.query_string());
    let join = query.map_err(|_| context.not_found())?.into_inner();
    let waiting = context.app.engine.pending(buyer, id).await.is_some();
    let deal = deal_of(&context, join.deal).await?;
    let page = PendingPage {
        layout: context.layout(),
        waiting,
        refresh_s: REFRESH_S,
        title: deal.terms.title,
        deal_href: format!("/deals/{}", deal.id),
        retry: RetryForm { action: format!("/deals/{}/join", deal.id), key: join.key, units: join.units },
    };
    render::page(if waiting { StatusCode::ACCEPTED } else { StatusCode::OK }, &page)
}

/// The view model of a signup's page, with an optional notice.
///
/// # Errors
/// Postgres is unavailable.
pub async fn signup_page(context: &Context, signup: &Signup, notice: Option<Notice>) -> Result<SignupPage, PageError> {
    let deal = deal_of(context, signup.deal).await?;
    Ok(SignupPage::new(context.layout(), &deal, signup, notice, context.origin(), context.now()))
}

async fn deal_of(context: &Context, id: DealId) -> Result<Deal, PageError> {
    context.app.store.deal(id).await?.ok_or_else(|| context.not_found())
}
