//! `GET /my/coupons` and `GET /my/coupons/{coupon}`: the buyer's coupons.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};

use super::my_deals::deals_by_id;
use super::view::coupon::CouponPage;
use super::view::lists::MyCouponsPage;
use crate::domain::CouponId;
use crate::web::page::PageError;
use crate::web::page::context::{Context, PageQuery};
use crate::web::page::render;

const PATH: &str = "/my/coupons";
/// Coupons per page.
const PAGE_SIZE: u32 = 50;

/// `GET /my/coupons`
pub async fn my_coupons(context: Context, query: web::Query<PageQuery>) -> Result<HttpResponse, PageError> {
    let buyer = context.buyer()?.account;
    let coupons = context.app.engine.coupons(buyer, &query.request(PATH, PAGE_SIZE)).await?;
    let deals = deals_by_id(&context, coupons.items.iter().map(|coupon| coupon.deal)).await?;
    let next = coupons.next_cursor.map(|cursor| PageQuery::url(PATH, cursor));
    let coupons: Vec<_> =
        coupons.items.into_iter().filter_map(|coupon| Some((deals.get(&coupon.deal)?.clone(), coupon))).collect();
    render::page(StatusCode::OK, &MyCouponsPage::new(context.layout(), &coupons, next))
}

/// `GET /my/coupons/{coupon}`
pub async fn coupon(context: Context, path: web::Path<String>) -> Result<HttpResponse, PageError> {
    let buyer = context.buyer()?.account;
    let id: CouponId = path.parse().map_err(|_| context.not_found())?;
    let coupon = context.app.engine.coupon(buyer, id).await?.ok_or_else(|| context.not_found())?;
    let deal = context.app.store.deal(coupon.deal).await?.ok_or_else(|| context.not_found())?;
    render::secret_page(StatusCode::OK, &CouponPage::new(context.layout(), &coupon, &deal, context.origin()))
}
