//! Buyers join, see others join, and get their coupon.

use super::chromium::{Chromium, Window};
use crate::support::{TestApp, app};

const HEADLINE: &str = ".progress [data-part=headline]";
const JOIN: &str = "form[data-join] button[type=submit], .join form button[type=submit]";

#[actix_web::test]
async fn a_join_updates_a_second_browser_and_both_see_the_deal_tip() {
    let (app, path) = deal_that_tips_at_two().await;
    let chromium = Chromium::start().await;
    let ann = chromium.window(&app.url("")).await;
    let bob = chromium.window(&app.url("")).await;
    ann.sign_up("buyer", "Ann", &path).await;
    bob.sign_up("buyer", "Bob", &path).await;
    ann.open(&path).await;
    bob.open(&path).await;
    ann.wait_for_text(HEADLINE, "2 more buyers needed").await;
    bob.wait_for_text(HEADLINE, "2 more buyers needed").await;

    ann.click(JOIN).await;
    // Bob's page is not reloaded: the figures arrive over its WebSocket.
    bob.wait_for_text(HEADLINE, "1 more buyer needed").await;
    ann.wait_for_text("body", "You are buyer 1").await;

    bob.click(JOIN).await;
    bob.wait_for_text("body", "The deal is on").await;
    ann.open(&path).await;
    ann.wait_for_text(HEADLINE, "The deal is on").await;
    assert_coupon_appears(&ann).await;
    ann.close().await;
    bob.close().await;
}

#[actix_web::test]
async fn joining_and_tipping_work_without_scripts() {
    let (app, path) = deal_that_tips_at_two().await;
    let chromium = Chromium::start().await;
    let ann = chromium.window_without_scripts(&app.url("")).await;
    let bob = chromium.window_without_scripts(&app.url("")).await;
    ann.sign_up("buyer", "Ann", &path).await;
    bob.sign_up("buyer", "Bob", &path).await;
    ann.open(&path).await;
    ann.wait_for_text(HEADLINE, "2 more buyers needed").await;
    ann.click(JOIN).await;
    ann.wait_for_text("body", "You are buyer 1").await;

    bob.open(&path).await;
    bob.wait_for_text(HEADLINE, "1 more buyer needed").await;
    bob.click(JOIN).await;
    bob.wait_for_text("body", "You are buyer 2").await;
    ann.open(&path).await;
    ann.wait_for_text(HEADLINE, "The deal is on").await;
    assert_coupon_appears(&ann).await;
    ann.close().await;
    bob.close().await;
}

async fn deal_that_tips_at_two() -> (TestApp, String) {
    let app = app().with_workers().start().await;
    let merchant = app.merchant("Mo").await;
    let deal = app.deal(&merchant).tipping_point(2).publish().await;
    let path = format!("/deals/{}", deal.id);
    (app, path)
}

async fn assert_coupon_appears(window: &Window) {
    window.open("/my/coupons").await;
    window.reload_until(".lines h2 a").await;
    window.click(".lines h2 a").await;
    window.find(".qr svg").await;
    let code = window.find("code.code").await.text().await.unwrap();
    assert!(muster::domain::CouponCode::parse(&code).is_ok(), "{code}");
}
