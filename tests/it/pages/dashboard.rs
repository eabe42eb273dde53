//! The merchant's dashboard and consoles.

use crate::support::app;

#[actix_web::test]
async fn the_console_lists_buyers_by_number_without_names() {
    let app = app().start().await;
    let merchant = app.merchant("Mo").await;
    let deal = app.deal(&merchant).publish().await;
    for name in ["Ann Weaver", "Bob Smith"] {
        app.engine_join(&app.buyer(name).await, deal.id, 2, "k").await;
    }
    let console = app.browser_of(&merchant).await.get(&format!("/merchant/deals/{}", deal.id)).await;
    console.says("Buyers 2").says("Coupons 4").says("Still needed 8").says("joined").does_not_say("Ann Weaver");
    app.browser_of(&merchant).await.get("/merchant").await.says("Running 1").says("4 coupons sold");
}

#[actix_web::test]
async fn withdrawing_a_deal_shows_buyers_the_reason() {
    let app = app().start().await;
    let merchant = app.merchant("Mo").await;
    let deal = app.deal(&merchant).publish().await;
    let (console_path, withdraw) =
        (format!("/merchant/deals/{}", deal.id), format!("/merchant/deals/{}/withdraw", deal.id));
    let mut mo = app.browser_of(&merchant).await;
    let console = mo.get(&console_path).await;
    let refused = mo.submit(&console, &withdraw, &[("reason", "  ")]).await;
    assert_eq!(refused.status, 422);
    refused.says("Reason: Say why");
    let withdrawn = mo.submit_and_follow(&refused, &withdraw, &[("reason", "The kiln is broken.")]).await;
    withdrawn.says("Taken down").says("The kiln is broken.").does_not_say("Withdraw the deal");
    app.browser().get(&format!("/deals/{}", deal.id)).await.says("The kiln is broken.");
}

#[actix_web::test]
async fn the_console_of_another_merchants_deal_is_not_found() {
    let app = app().start().await;
    let (mo, other) = (app.merchant("Mo").await, app.merchant("Other").await);
    let deal = app.deal(&mo).publish().await;
    let mut browser = app.browser_of(&other).await;
    let token = browser.get("/account").await.field("/sign-out", "csrf_token");
    for path in ["", "/edit"] {
        assert_eq!(browser.get(&format!("/merchant/deals/{}{path}", deal.id)).await.status, 404);
    }
    for verb in ["edit", "publish", "withdraw"] {
        let answer = browser
            .post(&format!("/merchant/deals/{}/{verb}", deal.id), &[("csrf_token", &token), ("reason", "x")])
            .await;
        assert_eq!(answer.status, 404, "{verb}");
    }
}

#[actix_web::test]
async fn buyers_cannot_open_the_dashboard() {
    let app = app().start().await;
    let mut ann = app.browser_of(&app.buyer("Ann").await).await;
    for path in ["/merchant", "/merchant/deals/new", "/merchant/redeem"] {
        let page = ann.get(path).await;
        assert_eq!(page.status, 403, "{path}");
        page.says("This is not for you");
    }
}
