//! `GET` and `POST /merchant/redeem`: using a coupon at the merchant's.

use std::collections::HashMap;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use chrono_tz::Tz;
use serde::Deserialize;

use crate::domain::{CouponCode, DealId, FieldProblem, IdempotencyKey};
use crate::engine::RedeemOutcome;
use crate::limits::Limit;
use crate::store::Redemption;
use crate::web::pages::context::{Context, fresh_key};
use crate::web::pages::error::PageError;
use crate::web::pages::my_deals::deals_by_id;
use crate::web::pages::render;
use crate::web::pages::view::merchant::{RedeemPage, Redeemed, redeem_form, redeemed};
use crate::web::pages::view::{Form, Notice};
use crate::web::request::CsrfForm;

/// How many of the last redeemed coupons are shown.
const LAST: u32 = 10;
/// The most characters of a till's name.
const PLACE_MAX: usize = 60;
const NOT_A_CODE: &str =
    "This is not a coupon code: one has 17 letters and digits, and the last one checks the others. Read it again.";

/// What the form sends.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct RedeemForm {
    code: String,
    place: String,
    idempotency_key: String,
}

/// `GET /merchant/redeem`
pub async fn redeem_page(context: Context) -> Result<HttpResponse, PageError> {
    show(&context, StatusCode::OK, redeem_form("", ""), None).await
}

/// `POST /merchant/redeem`
pub async fn redeem(context: Context, CsrfForm(form): CsrfForm<RedeemForm>) -> Result<HttpResponse, PageError> {
    let merchant = context.merchant()?.account;
    context.within([Limit::WritesOf(merchant)]).await?;
    let place: String = form.place.trim().chars().filter(|c| !c.is_control()).take(PLACE_MAX).collect();
    let Ok(code) = CouponCode::parse(&form.code) else {
        let problem = FieldProblem::new("code", "not_a_code", NOT_A_CODE);
        let form = redeem_form(&form.code, &place).with_problems(&[problem]);
        return show(&context, StatusCode::UNPROCESSABLE_ENTITY, form, None).await;
    };
    let key = IdempotencyKey::parse(&form.idempotency_key).ok();
    let outcome = context.app.engine.redeem(merchant, &place, &code, key.as_ref()).await?;
    let zone = match &outcome {
        RedeemOutcome::AlreadyRedeemed(redemption) => zones(&context, &[redemption.deal]).await?.of(redemption.deal),
        _ => Tz::UTC,
    };
    // A code that may have been mistyped stays, to be corrected; the field is free for the next one otherwise.
    let typed = if outcome == RedeemOutcome::UnknownCode { form.code.as_str() } else { "" };
    show(&context, status(&outcome), redeem_form(typed, &place), Some(redeemed(&outcome, zone))).await
}

const fn status(outcome: &RedeemOutcome) -> StatusCode {
    match outcome {
        RedeemOutcome::Redeemed { .. } => StatusCode::OK,
        RedeemOutcome::AlreadyRedeemed(_) | RedeemOutcome::Expired | RedeemOutcome::Void => StatusCode::CONFLICT,
        RedeemOutcome::UnknownCode => StatusCode::NOT_FOUND,
        RedeemOutcome::TooMany { .. } => StatusCode::TOO_MANY_REQUESTS,
    }
}

/// In which zones the times of these deals are read.
struct Zones(HashMap<DealId, Tz>);

impl Zones {
    fn of(&self, deal: DealId) -> Tz {
        self.0.get(&deal).copied().unwrap_or(Tz::UTC)
    }
}

async fn zones(context: &Context, deals: &[DealId]) -> Result<Zones, PageError> {
    let deals = deals_by_id(context, deals.iter().copied()).await?;
    Ok(Zones(deals.into_iter().map(|(id, deal)| (id, deal.terms.time_zone)).collect()))
}

async fn show(
    context: &Context,
    status: StatusCode,
    form: Form,
    result: Option<Notice>,
) -> Result<HttpResponse, PageError> {
    let merchant = context.merchant()?.account;
    let last = context.app.store.last_redemptions(merchant, LAST).await?;
    let zones = zones(context, &last.iter().map(|redemption| redemption.deal).collect::<Vec<_>>()).await?;
    let line = |redemption: Redemption| {
        Redeemed::new(redemption.title, redemption.redeemed_at, zones.of(redemption.deal), &redemption.redeemed_where)
    };
    let last = last.into_iter().map(line).collect();
    render::secret_page(status, &RedeemPage { layout: context.layout(), result, form, key: fresh_key(), last })
}
