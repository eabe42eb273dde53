//! `POST /redemptions`: redeems a coupon at the till.

use actix_web::{HttpResponse, web};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::App;
use crate::domain::problem::Problems;
use crate::domain::{CouponCode, CouponId, DealId, FieldProblem, FieldProblemKind, Till};
use crate::engine::RedeemOutcome;
use crate::limits::Limit;
use crate::store::Redemption;
use crate::web::problem::{Code, Extra, Problem};
use crate::web::request::{Body, MaybeIdempotencyHeader, Merchant, REPLAYED, needs};

/// A code that was typed or scanned at a till.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
#[schema(example = json!({"code": "7K3M-9Q2X-B5VT-0HJC-4", "till": "Main Street"}))]
pub struct NewRedemption {
    /// The code, or the link in its QR code. Case, spaces and dashes make no difference, nor do I, L and O for 1, 1 and
    /// 0.
    #[schema(required)]
    code: String,
    /// The name of the till, which later attempts to redeem the coupon show. Defaults to the name of your merchant, or
    /// to your own name if you have several merchants.
    #[schema(min_length = 1, max_length = 80)]
    till: Option<String>,
}

/// A coupon that was redeemed.
#[derive(Serialize, ToSchema)]
#[schema(as = Redemption, example = json!({
    "coupon": "5d1e2a0b-8f3d-8a4b-9c5d-6e7f8a9b0c1d", "deal": "0197f3b0-5c1e-7c3a-9d2b-1f0a6e4c8b5d",
    "title": "Pottery for beginners", "redeemed_at": "2026-12-05T10:00:00Z", "redeemed_where": "Main Street",
}))]
pub struct RedemptionView {
    #[schema(value_type = uuid::Uuid)]
    coupon: CouponId,
    #[schema(value_type = uuid::Uuid)]
    deal: DealId,
    /// The deal's title.
    title: String,
    redeemed_at: DateTime<Utc>,
    /// The name of the till.
    redeemed_where: String,
}

impl From<Redemption> for RedemptionView {
    fn from(redemption: Redemption) -> Self {
        Self {
            coupon: redemption.coupon,
            deal: redemption.deal,
            title: redemption.title,
            redeemed_at: redemption.redeemed_at,
            redeemed_where: redemption.till.map_or_else(String::new, |till| till.as_str().to_owned()),
        }
    }
}

/// `POST /redemptions`
#[utoipa::path(
    post, path = "/redemptions", tag = "coupons", operation_id = "redeem_coupon",
    summary = "Redeem a coupon",
    description = "A coupon of a deal of one of your merchants can be redeemed once. Repeating a request with its `Idempotency-Key` \
                   returns the same answer. After ten wrong codes in ten minutes, you have to wait.",
    params(("Idempotency-Key" = Option<String>, Header, description = "A unique key for this request: 1 to 255 visible ASCII characters.", min_length = 1, max_length = 255)),
    request_body = NewRedemption,
    responses((
        status = 201, description = "The coupon is redeemed.", body = RedemptionView,
        headers(("Idempotency-Replayed" = Option<String>, description = "`true` if an earlier request with this key redeemed the coupon.")),
    )),
    security(("token" = ["redeem"]), ("session" = [])),
    extensions(
        ("x-role" = json!("merchant")),
        ("x-problems" = json!([
            "key_missing", "unknown_code", "already_redeemed", "coupon_expired", "coupon_void", "too_many_wrong_codes",
        ])),
    ),
)]
pub async fn create(
    app: web::Data<App>,
    merchant: Merchant<needs::Redeem>,
    key: MaybeIdempotencyHeader,
    body: Body,
) -> Result<HttpResponse, Problem> {
    app.limits.take(Limit::WritesOf(merchant.account)).await?;
    let new: NewRedemption = body.json().await?;
    let (code, till) = parse(&new, merchant.till_name())?;
    let merchants = merchant.staff_of.ids();
    match app.engine.redeem(merchant.account, &merchants, &till, &code, key.0.as_ref()).await? {
        RedeemOutcome::Redeemed { redemption, replayed } => {
            let mut answer = HttpResponse::Created();
            if replayed {
                answer.insert_header((REPLAYED, "true"));
            }
            Ok(answer.json(RedemptionView::from(redemption)))
        }
        RedeemOutcome::AlreadyRedeemed(redemption) => Err(already_redeemed(redemption)),
        RedeemOutcome::Expired => Err(Problem::new(Code::CouponExpired)),
        RedeemOutcome::Void => Err(Problem::new(Code::CouponVoid)),
        RedeemOutcome::UnknownCode => Err(Problem::new(Code::UnknownCode)),
        RedeemOutcome::TooMany { retry_after_s } => {
            Err(Problem::new(Code::TooManyWrongCodes).retry_after(retry_after_s))
        }
    }
}

/// A code with a wrong check character does not count as a wrong code, because no coupon can have it.
fn parse(new: &NewRedemption, till_name: &str) -> Result<(CouponCode, Till), Vec<FieldProblem>> {
    let mut problems = Problems::default();
    let code = CouponCode::parse(&new.code);
    let code = problems.take(code.map_err(|error| FieldProblem::new("code", FieldProblemKind::CouponCode(error))));
    let till = problems.take(Till::parse(new.till.as_deref().unwrap_or(till_name)));
    code.zip(till).ok_or_else(|| problems.into_vec())
}

fn already_redeemed(redemption: Redemption) -> Problem {
    let redeemed = RedemptionView::from(redemption);
    let at = redeemed.redeemed_at.format("%Y-%m-%d, %H:%M UTC");
    let place = match redeemed.redeemed_where.as_str() {
        "" => String::new(),
        till => format!(", at {till}"),
    };
    Problem::new(Code::AlreadyRedeemed)
        .detail(format!("It was redeemed on {at}{place}. Each coupon counts once."))
        .extra(Extra {
            redeemed_at: Some(redeemed.redeemed_at),
            redeemed_where: Some(redeemed.redeemed_where),
            ..Extra::default()
        })
}
