//! A merchant writes a deal, publishes it, watches buyers join, and redeems a coupon.

use super::chromium::{Chromium, Window};
use crate::support::app;

#[actix_web::test]
async fn a_merchant_writes_a_deal_watches_it_tip_and_redeems_a_coupon_once() {
    let app = app().with_workers().start().await;
    let chromium = Chromium::start().await;
    let mo = chromium.window(&app.url("")).await;
    mo.sign_up("merchant", "Mo", "/merchant").await;
    mo.open("/merchant/deals/new").await;
    write_a_deal(&mo).await;
    mo.click("button[name=then][value=preview]").await;
    mo.wait_for_text("#preview", "Pottery for two").await;
    mo.click("button[name=then][value=save]").await;
    mo.click("form[action$='/publish'] button").await;
    mo.wait_for_text("#who ~ .empty, .empty", "Nobody yet").await;

    let console = mo.driver.current_url().await.unwrap().path().to_owned();
    let deal: muster::domain::DealId = console.rsplit('/').next().unwrap().parse().unwrap();
    let buyer = app.buyer("Ann").await;
    app.engine_join(&buyer, deal, 1, "one").await;
    // The console is not reloaded.
    mo.wait_for_text("[data-number=buyers]", "1").await;

    let engine = app.engine.clone();
    let first = muster::store::PageRequest::first(1);
    let code = loop {
        app.settle_now().await;
        if let Some(coupon) = engine.coupons(buyer.id, &first).await.unwrap().items.pop() {
            break coupon.code.to_string();
        }
    };
    redeem(&mo, &code).await;
    mo.wait_for_text("[role=status], .notice", "Redeemed").await;
    redeem(&mo, &code.to_lowercase().replace('-', " ")).await;
    mo.wait_for_text(".notice", "lready").await;
    mo.close().await;
}

async fn write_a_deal(mo: &Window) {
    let fields = [
        ("title", "Pottery for two"),
        ("description", "An evening at the wheel."),
        ("price", "19.00"),
        ("face_value", "45.00"),
        ("currency", "USD"),
        ("tipping_point", "1"),
        ("cap", "10"),
        ("per_buyer_max", "2"),
        ("time_zone", "Asia/Jakarta"),
    ];
    for (name, value) in fields {
        mo.fill(name, value).await;
    }
    for (name, value) in [("opens_at", "-1"), ("closes_at", "2"), ("coupon_expires_at", "60")] {
        // The keys that a date field accepts depend on the locale; its value does not.
        let field = mo.find(&format!("[name={name}]")).await;
        let script = "const at = new Date(Date.now() + arguments[1] * 864e5); arguments[0].value = at.toISOString().slice(0, 16);";
        mo.driver.execute(script, vec![field.to_json().unwrap(), value.parse::<i32>().unwrap().into()]).await.unwrap();
    }
}

async fn redeem(mo: &Window, code: &str) {
    mo.open("/merchant/redeem").await;
    mo.fill("code", code).await;
    mo.click("form[action='/merchant/redeem'] button").await;
}
