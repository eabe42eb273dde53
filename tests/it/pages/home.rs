//! The home page.

use crate::support::app;

#[actix_web::test]
async fn the_home_page_shows_open_deals_with_the_buyers_still_needed() {
    let app = app().start().await;
    let merchant = app.merchant("Mo's Pottery").await;
    app.deal(&merchant).tipping_point(3).publish().await;
    app.deal(&merchant).with(|form| form.title = "A draft".into()).draft().await;
    let page = app.browser().get("/").await;
    page.says("Pottery for beginners").says("Mo's Pottery · Berlin").says("3 more buyers needed").says("$19.00");
    page.says("−50%").does_not_say("A draft");
}

#[actix_web::test]
async fn an_empty_home_page_suggests_offering_a_deal() {
    let app = app().start().await;
    app.browser().get("/").await.says("The market is still empty").says("Offer the first one");
}

#[actix_web::test]
async fn filters_narrow_the_home_page_and_combine() {
    let app = app().start().await;
    let merchant = app.merchant("Mo").await;
    app.deal(&merchant).publish().await;
    app.deal(&merchant)
        .with(|form| {
            form.title = "Massage & more".into();
            form.city = Some("Köln".into());
            form.category = Some("spa".into());
        })
        .publish()
        .await;
    let mut browser = app.browser();
    browser.get("/?city=K%C3%B6ln").await.says("Massage & more").does_not_say("Pottery");
    browser.get("/?q=pottery").await.says("Pottery for beginners").does_not_say("Massage").says("Deals with “pottery”");
    browser.get("/?q=&city=&category=workshop").await.says("Pottery for beginners").does_not_say("Massage");
    let both = browser.get("/?city=Berlin&category=spa").await;
    both.says("Nothing found").says("See all deals");
    assert!(both.html.contains("order=almost"), "the other order is offered");
}

#[actix_web::test]
async fn the_almost_there_filter_shows_only_deals_at_four_fifths() {
    let app = app().start().await;
    let merchant = app.merchant("Mo").await;
    let near = app.deal(&merchant).tipping_point(5).publish().await;
    app.deal(&merchant).with(|form| form.title = "Far away".into()).publish().await;
    for buyer in 0..4 {
        let buyer = app.buyer(&format!("Ann{buyer}")).await;
        app.engine_join(&buyer, near.id, 1, "k").await;
    }
    let page = app.browser().get("/?order=almost").await;
    page.says("Pottery for beginners").says("Almost there").says("1 more buyer needed").does_not_say("Far away");
}

#[actix_web::test]
async fn a_malformed_query_shows_the_home_page() {
    let app = app().start().await;
    for query in ["order=upside-down", "cursor=x", "q=%00%ff", "utm_source=mail"] {
        assert_eq!(app.browser().get(&format!("/?{query}")).await.status, 200, "{query}");
    }
}

#[actix_web::test]
async fn a_long_home_page_is_split_into_pages() {
    let app = app().start().await;
    let merchant = app.merchant("Mo").await;
    for n in 0..25 {
        app.deal(&merchant).with(|form| form.title = format!("Deal number {n}.")).publish().await;
    }
    let mut browser = app.browser();
    let first = browser.get("/").await;
    first.says("Deal number 24.").does_not_say("Deal number 0.");
    let next = first.html.split("href=\"").find(|href| href.starts_with("/?cursor=")).unwrap();
    browser.get(next.split('"').next().unwrap()).await.says("Deal number 0.").does_not_say("Deal number 24.");
}
