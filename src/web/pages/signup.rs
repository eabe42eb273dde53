//! `GET /signups/{signup}`: "you are buyer 17", or the wait for it.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use serde::{Deserialize, Serialize};

use super::context::Context;
use super::error::PageError;
use super::render;
use super::view::Said;
use super::view::join::Tried;
use super::view::signup::{Again, PendingPage, SignupPage};
use crate::domain::{Deal, DealId, Signup, SignupId, Units};

/// After how many seconds the waiting page looks again.
const REFRESH_S: u32 = 2;

/// What a join had sent whose outcome is not known yet. It travels in the waiting page's address, so that the same join can
/// be sent again from there.
#[derive(Debug, Serialize, Deserialize)]
pub struct Sent {
    deal: DealId,
    units: u32,
    key: String,
}

impl Sent {
    /// A join of this deal.
    #[must_use]
    pub fn new(deal: DealId, tried: Tried) -> Self {
        Self { deal, units: tried.units.clamp(1, Units::MAX), key: tried.key }
    }

    /// The address of the page that waits for this signup.
    #[must_use]
    pub fn address(&self, signup: SignupId) -> String {
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
    let sent = web::Query::<Sent>::from_query(request.query_string()).map_err(|_| context.not_found())?.into_inner();
    let waiting = context.app.engine.pending(buyer, id).await.is_some();
    let deal = deal_of(&context, sent.deal).await?;
    let page = PendingPage {
        shell: context.shell(),
        waiting,
        refresh_s: REFRESH_S,
        title: deal.terms.title,
        deal_href: format!("/deals/{}", deal.id),
        again: Again { action: format!("/deals/{}/join", deal.id), key: sent.key, units: sent.units },
    };
    render::page(if waiting { StatusCode::ACCEPTED } else { StatusCode::OK }, &page)
}

/// The page of a signup, perhaps with news about it.
///
/// # Errors
/// Postgres is away.
pub async fn signup_page(context: &Context, signup: &Signup, notice: Option<Said>) -> Result<SignupPage, PageError> {
    let deal = deal_of(context, signup.deal).await?;
    Ok(SignupPage::new(context.shell(), &deal, signup, notice, context.origin(), context.now()))
}

async fn deal_of(context: &Context, id: DealId) -> Result<Deal, PageError> {
    context.app.store.deal(id).await?.ok_or_else(|| context.not_found())
}
