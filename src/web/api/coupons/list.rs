//! `GET /coupons`: lists the caller's coupons.

use actix_web::{HttpResponse, web};

use super::CouponView;
use crate::App;
use crate::web::paging::{List, Listing};
use crate::web::problem::Problem;
use crate::web::request::{Buyer, Query, needs};

/// `GET /coupons`
#[utoipa::path(
    get, path = "/coupons", tag = "coupons", operation_id = "list_coupons",
    summary = "Your coupons",
    description = "One coupon for each unit of each signup in a deal that tipped, newest first.",
    params(
        ("limit" = Option<u32>, Query, description = "Maximum items to return: 1 to 100, 20 by default.", minimum = 1, maximum = 100),
        ("cursor" = Option<String>, Query, description = "The `next_cursor` of the previous page."),
    ),
    responses((status = 200, description = "A page of coupons.", body = Listing<CouponView>)),
    security(("token" = ["read"]), ("session" = [])),
)]
pub async fn list(app: web::Data<App>, buyer: Buyer<needs::Read>, query: Query) -> Result<HttpResponse, Problem> {
    let list = List::new("coupons", &[]);
    let coupons = app.engine.coupons(buyer.account, &list.page(query)?).await?;
    Ok(list.respond(coupons.map(CouponView::from)))
}
