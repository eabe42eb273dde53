//! `POST /deals/{id}/withdraw`: withdraws a deal, with a reason.

use actix_web::{HttpResponse, web};
use serde::Deserialize;
use utoipa::ToSchema;

use super::{DealView, view};
use crate::App;
use crate::domain::DealId;
use crate::domain::deal::parse_withdrawal_reason;
use crate::engine::WithdrawOutcome;
use crate::limits::Limit;
use crate::web::problem::{Code, Problem};
use crate::web::request::{Body, Id, Merchant, needs};

/// A request to withdraw a deal.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
#[schema(example = json!({"reason": "The workshop is flooded."}))]
pub struct Withdrawal {
    /// The reason that buyers read: 1 to 500 characters.
    #[schema(required, min_length = 1, max_length = 500)]
    reason: String,
}

/// `POST /deals/{id}/withdraw`
#[utoipa::path(
    post, path = "/deals/{id}/withdraw", tag = "deals", operation_id = "withdraw_deal",
    summary = "Withdraw a deal",
    description = "Ends the deal: buyers cannot join it, and its unredeemed coupons are void. Withdrawing a deal twice has no \
                   further effect.",
    params(("id" = uuid::Uuid, Path, description = "The deal's id.")),
    request_body = Withdrawal,
    responses((
        status = 200, description = "The withdrawn deal.", body = DealView,
        headers(("ETag" = String, description = "The deal's new version.")),
    )),
    security(("token" = ["deals"]), ("session" = [])),
    extensions(("x-role" = json!("merchant")), ("x-problems" = json!(["no_such_deal", "ended"]))),
)]
pub async fn withdraw(
    app: web::Data<App>,
    merchant: Merchant<needs::Deals>,
    id: Id<DealId>,
    body: Body,
) -> Result<HttpResponse, Problem> {
    app.limits.take(Limit::WritesOf(merchant.account)).await?;
    let withdrawal: Withdrawal = body.json().await?;
    let reason = parse_withdrawal_reason(&withdrawal.reason)?;
    let deal = merchant.deal(&app, id.0).await?;
    match app.engine.withdraw(deal.merchant, deal.id, &reason).await? {
        WithdrawOutcome::Withdrawn(deal) => Ok(view::ok(&deal)),
        WithdrawOutcome::NoSuchDeal => Err(Problem::new(Code::NoSuchDeal)),
        WithdrawOutcome::Ended => Err(Problem::new(Code::Ended)),
    }
}
