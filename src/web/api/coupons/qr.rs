//! `GET /coupons/{id}/qr.svg`: the QR code of a coupon.

use actix_web::{HttpResponse, web};

use crate::App;
use crate::domain::CouponId;
use crate::web::pages::view::coupon::qr;
use crate::web::problem::{Code, Problem};
use crate::web::request::{Buyer, Id, needs};

/// `GET /coupons/{id}/qr.svg`
#[utoipa::path(
    get, path = "/coupons/{id}/qr.svg", tag = "coupons", operation_id = "show_coupon_qr",
    summary = "A coupon's QR code",
    params(("id" = uuid::Uuid, Path, description = "The coupon's id.")),
    responses((status = 200, description = "A QR code of the link `/c#CODE` on this server, which the till reads like the code itself.", body = String, content_type = "image/svg+xml")),
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
    Ok(HttpResponse::Ok().content_type("image/svg+xml").body(qr(app.config.server.base_url.as_str(), &coupon.code)))
}
