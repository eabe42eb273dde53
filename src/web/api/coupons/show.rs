//! `GET /coupons/{id}`: shows one of the caller's coupons.

use actix_web::{HttpResponse, web};

use super::CouponView;
use crate::App;
use crate::domain::CouponId;
use crate::web::problem::{Code, Problem};
use crate::web::request::{Buyer, Id, needs};

/// `GET /coupons/{id}`
#[utoipa::path(
    get, path = "/coupons/{id}", tag = "coupons", operation_id = "show_coupon",
    summary = "A coupon of yours",
    params(("id" = uuid::Uuid, Path, description = "The coupon's id.")),
    responses((status = 200, description = "The coupon.", body = CouponView)),
    security(("token" = ["read"]), ("session" = [])),
    extensions(("x-problems" = json!(["no_such_coupon"]))),
)]
pub async fn show(
    app: web::Data<App>,
    buyer: Buyer<needs::Read>,
    coupon: Id<CouponId>,
) -> Result<HttpResponse, Problem> {
    let coupon = app.engine.coupon(buyer.account, coupon.0).await?;
    let coupon = coupon.ok_or_else(|| Problem::new(Code::NoSuchCoupon))?;
    Ok(HttpResponse::Ok().json(CouponView::from(coupon)))
}
