//! A buyer's coupons.

use muster::domain::CouponCode;

use crate::support::app;

#[actix_web::test]
async fn every_unit_of_a_tipped_deal_has_a_coupon_page() {
    let app = app().start().await;
    let deal = app.deal(&app.merchant("Mo's Pottery").await).tipping_point(1).publish().await;
    let ann = app.buyer("Ann").await;
    app.engine_join(&ann, deal.id, 2, "k").await;
    let mut browser = app.browser_of(&ann).await;
    browser.get("/my/coupons").await.says("No coupons yet");
    app.settle_now().await;
    let list = browser.get("/my/coupons").await;
    list.says("Pottery for beginners").says("Ready to use");
    let coupons: Vec<String> = list
        .html
        .split("href=\"")
        .filter(|href| href.starts_with("/my/coupons/"))
        .map(|href| href.split('"').next().unwrap().to_owned())
        .collect();
    assert_eq!(coupons.len(), 2);
    let page = browser.get(&coupons[0]).await;
    page.says("$38.00 for $19.00").says("How to redeem it").says("Good until");
    assert_eq!(page.header("cache-control"), "no-store");
    let code = page.html.split("<code class=\"code\">").nth(1).unwrap().split('<').next().unwrap();
    assert!(CouponCode::parse(code).is_ok() && code.len() == 21, "{code}");
    assert!(page.html.contains("<svg") && page.html.contains("class=\"qr\""));
    browser.get("/my/deals").await.says("On 1");
}

#[actix_web::test]
async fn the_scan_page_explains_the_coupon_and_submits_nothing() {
    let app = app().start().await;
    let mut browsers = [app.browser(), app.browser_of(&app.buyer("Ann").await).await];
    browsers[0].get("/c").await.says("Sign in");
    for browser in &mut browsers {
        let page = browser.get("/c").await;
        assert_eq!(page.status, 200);
        page.says("This is a coupon").says("Opening this page has not used it.").says("Is it yours?");
        // Without scripts the code is only in the address; a script shows it on the page.
        page.says("The code stands in the address of this page");
        assert!(page.html.contains("data-coupon hidden"), "{}", page.html);
        assert!(page.header("content-security-policy").contains("script-src 'self'"));
        assert!(!page.html.contains("<form"), "the page has no form");
    }
}

#[actix_web::test]
async fn a_coupon_page_is_visible_only_to_its_buyer() {
    let app = app().start().await;
    let deal = app.deal(&app.merchant("Mo").await).tipping_point(1).publish().await;
    let ann = app.buyer("Ann").await;
    app.engine_join(&ann, deal.id, 1, "k").await;
    app.settle_now().await;
    let list = app.browser_of(&ann).await.get("/my/coupons").await;
    let coupon = list.html.split("href=\"").find(|href| href.starts_with("/my/coupons/")).unwrap();
    let coupon = coupon.split('"').next().unwrap();
    assert_eq!(app.browser_of(&app.buyer("Bob").await).await.get(coupon).await.status, 404);
}

#[actix_web::test]
async fn a_withdrawn_deals_coupon_is_shown_as_void() {
    let app = app().start().await;
    let merchant = app.merchant("Mo").await;
    let deal = app.deal(&merchant).tipping_point(1).publish().await;
    let ann = app.buyer("Ann").await;
    app.engine_join(&ann, deal.id, 1, "k").await;
    app.settle_now().await;
    app.engine.withdraw(merchant.merchant_id(), deal.id, "Closed.").await.unwrap();
    app.browser_of(&ann).await.get("/my/coupons").await.says("Void");
}
