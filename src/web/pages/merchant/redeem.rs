//! `GET` and `POST /merchant/redeem`: the till.

use std::collections::HashMap;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use chrono_tz::Tz;
use serde::Deserialize;

use crate::domain::problem::Problems;
use crate::domain::{CouponCode, DealId, FieldProblem, FieldProblemKind, IdempotencyKey, Till};
use crate::engine::RedeemOutcome;
use crate::limits::Limit;
use crate::store::Redemption;
use crate::web::page::PageError;
use crate::web::page::context::{Context, fresh_key};
use crate::web::page::render;
use crate::web::page::{Form, Notice};
use crate::web::pages::my_deals::deals_by_id;
use crate::web::pages::view::merchant::{RedeemPage, Redeemed, redeem_form, redeemed};
use crate::web::request::CsrfForm;

/// How many of the last redeemed coupons are shown.
const LAST: u32 = 10;

/// The fields of the form.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct RedeemForm {
    code: String,
    till: String,
    idempotency_key: String,
}

/// `GET /merchant/redeem`
pub async fn redeem_page(context: Context) -> Result<HttpResponse, PageError> {
    show(&context, StatusCode::OK, redeem_form("", ""), None).await
}

/// `POST /merchant/redeem`
pub async fn redeem(context: Context, CsrfForm(form): CsrfForm<RedeemForm>) -> Result<HttpResponse, PageError> {
    let merchant = context.merchant()?;
    context.within([Limit::WritesOf(merchant.account)]).await?;
    let (code, till) = match parse(&form, merchant.till_name()) {
        Ok(parsed) => parsed,
        Err(problems) => {
            let form = redeem_form(&form.code, &form.till).with_problems(&problems);
            return show(&context, StatusCode::UNPROCESSABLE_ENTITY, form, None).await;
        }
    };
    let key = IdempotencyKey::parse(&form.idempotency_key).ok();
    let merchants = merchant.staff_of.ids();
    let outcome = context.app.engine.redeem(merchant.account, &merchants, &till, &code, key.as_ref()).await?;
    let zone = match &outcome {
        RedeemOutcome::AlreadyRedeemed(redemption) => zones(&context, &[redemption.deal]).await?.of(redemption.deal),
        _ => Tz::UTC,
    };
    // An unknown code stays in its field to be corrected. After any other outcome the field is empty for the next
    // coupon.
    let typed = if outcome == RedeemOutcome::UnknownCode { form.code.as_str() } else { "" };
    show(&context, status(&outcome), redeem_form(typed, form.till.trim()), Some(redeemed(&outcome, zone))).await
}

/// Parses the form. A till without a name gets `till_name`.
fn parse(form: &RedeemForm, till_name: &str) -> Result<(CouponCode, Till), Vec<FieldProblem>> {
    let mut problems = Problems::default();
    let code =
        CouponCode::parse(&form.code).map_err(|_| FieldProblem::new("code", FieldProblemKind::MistypedCouponCode));
    let code = problems.take(code);
    let till = Some(form.till.trim()).filter(|till| !till.is_empty()).unwrap_or(till_name);
    let till = problems.take(Till::parse(till));
    code.zip(till).ok_or_else(|| problems.into_vec())
}

const fn status(outcome: &RedeemOutcome) -> StatusCode {
    match outcome {
        RedeemOutcome::Redeemed { .. } => StatusCode::OK,
        RedeemOutcome::AlreadyRedeemed(_) | RedeemOutcome::Expired | RedeemOutcome::Void => StatusCode::CONFLICT,
        RedeemOutcome::UnknownCode => StatusCode::NOT_FOUND,
        RedeemOutcome::TooMany { .. } => StatusCode::TOO_MANY_REQUESTS,
    }
}

/// The time zones of deals.
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
    let merchants = context.merchant()?.staff_of.ids();
    let last = context.app.store.last_redemptions(&merchants, LAST).await?;
    let zones = zones(context, &last.iter().map(|redemption| redemption.deal).collect::<Vec<_>>()).await?;
    let line = |redemption: Redemption| {
        let (at, zone) = (redemption.redeemed_at, zones.of(redemption.deal));
        Redeemed::new(redemption.title, at, zone, redemption.till.as_ref())
    };
    let last = last.into_iter().map(line).collect();
    render::secret_page(status, &RedeemPage { layout: context.layout(), result, form, key: fresh_key(), last })
}
