//! A buyer's coupons.

use muster::domain::CouponCode;

use crate::support::app;

#[actix_web::test]
async fn every_unit_of_a_tipped_deal_becomes_a_coupon_to_show() {
    let app = app().start().await;
    let deal = app.deal(&app.merchant("Mo's Pottery").await).tipping_point(1).publish().await;
    let ann = app.buyer("Ann").await;
    app.join(&ann, deal.id, 2, "k").await;
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
async fn scanning_a_coupon_opens_a_page_that_explains_it_and_never_sends_its_code() {
    let app = app().start().await;
    let mut browsers = [app.browser(), app.browser_of(&app.buyer("Ann").await).await];
    browsers[0].get("/c").await.says("Sign in");
    for browser in &mut browsers {
        let page = browser.get("/c").await;
        assert_eq!(page.status, 200);
        page.says("This is a coupon").says("Opening this page has not used it.").says("Is it yours?");
        // Without scripts the code can only be in the address; with them it is shown in this place.
        page.says("The code stands in the address of this page");
        assert!(page.html.contains("data-coupon hidden"), "{}", page.html);
        assert!(page.header("content-security-policy").contains("script-src 'self'"));
        assert!(!page.html.contains("<form"), "nothing on it can be submitted");
    }
}

#[actix_web::test]
async fn a_coupon_is_its_buyers_own() {
    let app = app().start().await;
    let deal = app.deal(&app.merchant("Mo").await).tipping_point(1).publish().await;
    let ann = app.buyer("Ann").await;
    app.join(&ann, deal.id, 1, "k").await;
    app.settle_now().await;
    let list = app.browser_of(&ann).await.get("/my/coupons").await;
    let coupon = list.html.split("href=\"").find(|href| href.starts_with("/my/coupons/")).unwrap();
    let coupon = coupon.split('"').next().unwrap();
    assert_eq!(app.browser_of(&app.buyer("Bob").await).await.get(coupon).await.status, 404);
}

#[actix_web::test]
async fn a_coupon_of_a_withdrawn_deal_is_void() {
    let app = app().start().await;
    let merchant = app.merchant("Mo").await;
    let deal = app.deal(&merchant).tipping_point(1).publish().await;
    let ann = app.buyer("Ann").await;
    app.join(&ann, deal.id, 1, "k").await;
    app.settle_now().await;
    app.engine.withdraw(merchant.shop(), deal.id, "Closed.").await.unwrap();
    app.browser_of(&ann).await.get("/my/coupons").await.says("Void");
}
