//! Redeeming coupons on the merchant's page.

use std::time::Duration;

use muster::domain::{CouponCode, CouponForm};
use muster::store::{DealFilter, PageRequest};

use super::Page;
use crate::support::{Person, TestApp, app};

const REDEEM_PAGE: &str = "/merchant/redeem";

/// A merchant, and the code of a coupon for their deal.
async fn coupon(app: &TestApp) -> (Person, String) {
    let merchant = app.merchant("Mo").await;
    let deal = app.deal(&merchant).tipping_point(1).publish().await;
    let ann = app.buyer("Ann").await;
    app.engine_join(&ann, deal.id, 1, "k").await;
    app.settle_now().await;
    let coupons = app.engine.coupons(ann.id, &PageRequest::first(1)).await.unwrap();
    (merchant, coupons.items[0].code.to_string())
}

async fn redeem(app: &TestApp, merchant: &Person, code: &str) -> Page {
    let mut browser = app.browser_of(merchant).await;
    let page = browser.get(REDEEM_PAGE).await;
    browser.submit(&page, REDEEM_PAGE, &[("code", code), ("till", "front till")]).await
}

#[actix_web::test]
async fn a_second_redemption_shows_when_and_where_the_first_was() {
    let app = app().start().await;
    let (mo, code) = coupon(&app).await;
    let typed = code.to_lowercase().replace('-', " ");
    let first = redeem(&app, &mo, &typed).await;
    first.says("Redeemed").says("Pottery for beginners. It is used now.").says("front till");
    assert_eq!((first.status.as_u16(), first.field(REDEEM_PAGE, "code").as_str()), (200, ""));
    let second = redeem(&app, &mo, &code).await;
    assert_eq!(second.status, 409);
    second.says("Already used").says("· front till");
}

#[actix_web::test]
async fn the_link_in_a_qr_code_is_redeemed_like_its_code() {
    let app = app().start().await;
    let (mo, code) = coupon(&app).await;
    let link = format!("{}/c#{}", app.url(""), code.replace('-', ""));
    redeem(&app, &mo, &link).await.says("It is used now.");
}

#[actix_web::test]
async fn a_redemption_without_a_till_is_recorded_under_the_merchants_name() {
    let app = app().start().await;
    let (mo, code) = coupon(&app).await;
    let mut browser = app.browser_of(&mo).await;
    let page = browser.get(REDEEM_PAGE).await;
    browser.submit(&page, REDEEM_PAGE, &[("code", &code)]).await.says("It is used now.").says("· Mo");
    let refused = browser.submit(&page, REDEEM_PAGE, &[("code", &code), ("till", &"x".repeat(81))]).await;
    assert_eq!((refused.status.as_u16(), refused.field(REDEEM_PAGE, "code")), (422, code));
}

#[actix_web::test]
async fn submitting_the_redeem_form_twice_redeems_once_with_one_response() {
    let app = app().start().await;
    let (mo, code) = coupon(&app).await;
    let mut browser = app.browser_of(&mo).await;
    let page = browser.get(REDEEM_PAGE).await;
    for _ in 0..2 {
        browser.submit(&page, REDEEM_PAGE, &[("code", &code)]).await.says("It is used now.");
    }
}

#[actix_web::test]
async fn an_invalid_code_stays_in_the_form() {
    let app = app().start().await;
    let (mo, _) = coupon(&app).await;
    let page = redeem(&app, &mo, "ABCD-1234").await;
    assert_eq!(page.status, 422);
    page.says("This is not a coupon code");
    assert_eq!(
        (page.field(REDEEM_PAGE, "code").as_str(), page.field(REDEEM_PAGE, "till").as_str()),
        ("ABCD-1234", "front till")
    );
}

#[actix_web::test]
async fn unknown_codes_and_other_merchants_codes_are_not_found() {
    let app = app().start().await;
    let (_, code) = coupon(&app).await;
    let other = app.merchant("Other").await;
    for code in [code, CouponCode::from_bits([9; 10], CouponForm::CURRENT).to_string()] {
        let page = redeem(&app, &other, &code).await;
        assert_eq!(page.status, 404);
        page.says("No such coupon");
    }
}

#[actix_web::test]
async fn expired_and_void_coupons_say_so() {
    let app = app().start().await;
    let (mo, code) = coupon(&app).await;
    app.clock.advance(Duration::from_hours(24 * 91)).await;
    redeem(&app, &mo, &code).await.says("The time of this coupon is over.");

    let (mo, code) = coupon(&app).await;
    let own = DealFilter { merchants: Some(vec![mo.merchant_id()]), ..DealFilter::default() };
    let deal = app.store.deals(&own, &PageRequest::first(1)).await.unwrap().items.remove(0);
    app.engine.withdraw(mo.merchant_id(), deal.id, "Closed.").await.unwrap();
    redeem(&app, &mo, &code).await.says("Void");
}

#[actix_web::test]
async fn too_many_wrong_codes_are_answered_429() {
    let app = app().start().await;
    let (mo, _) = coupon(&app).await;
    let mut last = None;
    for n in 0..11 {
        last = Some(redeem(&app, &mo, &CouponCode::from_bits([n; 10], CouponForm::CURRENT).to_string()).await);
    }
    let last = last.unwrap();
    assert_eq!(last.status, 429);
    last.says("Too many wrong codes").says("Wait");
}
