//! The page of a deal, in each of its states.

use std::time::Duration;

use muster::domain::{Deal, DealState};

use super::Page;
use crate::support::{TestApp, app};

async fn page(app: &TestApp, deal: &Deal) -> Page {
    app.browser().get(&format!("/deals/{}", deal.id)).await
}

async fn fill(app: &TestApp, deal: &Deal, buyers: u32) {
    for n in 0..buyers {
        let buyer = app.buyer(&format!("Ann{n}")).await;
        app.engine_join(&buyer, deal.id, 1, "k").await;
    }
}

#[actix_web::test]
async fn an_open_deal_shows_the_buyers_needed_and_that_nobody_pays_without_them() {
    let app = app().start().await;
    let deal = app.deal(&app.merchant("Mo").await).tipping_point(10).cap(50).publish().await;
    fill(&app, &deal, 7).await;
    let page = page(&app, &deal).await;
    page.says("3 more buyers needed").says("7 of 10 joined").says("43 coupons left").says("Sign in to join");
    page.says("The deal needs 10 different buyers by")
        .says("nobody pays")
        .says("Europe/Berlin")
        .says("4 coupons at most");
    assert!(page.html.contains("<strong>clay included</strong>"), "the description is Markdown");
}

#[actix_web::test]
async fn a_deal_that_needs_one_buyer_uses_the_singular() {
    let app = app().start().await;
    let deal = app.deal(&app.merchant("Mo").await).tipping_point(1).publish().await;
    page(&app, &deal).await.says("1 more buyer needed").says("The deal needs 1 buyer by");
}

#[actix_web::test]
async fn a_deal_before_its_window_says_when_it_opens() {
    let app = app().start().await;
    let deal = app.deal(&app.merchant("Mo").await).opens_in(Duration::from_hours(2)).publish().await;
    page(&app, &deal).await.says("Opens soon").says("You can join when it opens.").does_not_say("Sign in to join");
}

#[actix_web::test]
async fn a_deal_at_four_fifths_is_almost_there() {
    let app = app().start().await;
    let deal = app.deal(&app.merchant("Mo").await).tipping_point(5).publish().await;
    fill(&app, &deal, 4).await;
    page(&app, &deal).await.says("Almost there").says("1 more buyer needed");
}

#[actix_web::test]
async fn a_tipped_deal_is_on_and_later_happened() {
    let app = app().start().await;
    let deal = app.deal(&app.merchant("Mo").await).tipping_point(2).publish().await;
    fill(&app, &deal, 2).await;
    page(&app, &deal).await.says("The deal is on").says("2 buyers joined").says("Sign in to join");
    app.clock.advance(Duration::from_hours(25)).await;
    page(&app, &deal).await.says("Time is up");
    app.close_now().await;
    page(&app, &deal).await.says("It happened").says("This deal is over.");
}

#[actix_web::test]
async fn a_sold_out_deal_offers_no_join() {
    let app = app().start().await;
    let deal = app.deal(&app.merchant("Mo").await).tipping_point(2).cap(2).publish().await;
    fill(&app, &deal, 2).await;
    page(&app, &deal).await.says("Sold out").says("0 coupons left").does_not_say("Sign in to join");
}

#[actix_web::test]
async fn a_failed_deal_says_that_nobody_pays() {
    let app = app().start().await;
    let deal = app.deal(&app.merchant("Mo").await).tipping_point(2).publish().await;
    fill(&app, &deal, 1).await;
    app.clock.advance(Duration::from_hours(25)).await;
    app.close_now().await;
    page(&app, &deal).await.says("Not enough buyers").says("1 of 2 joined").says("Nobody pays.");
}

#[actix_web::test]
async fn a_withdrawn_deal_says_why() {
    let app = app().start().await;
    let merchant = app.merchant("Mo").await;
    let deal = app.deal(&merchant).publish().await;
    app.engine.withdraw(merchant.merchant_id(), deal.id, "The kiln is broken.").await.unwrap();
    page(&app, &deal).await.says("Taken down").says("The kiln is broken.").says("This deal was taken down.");
}

#[actix_web::test]
async fn a_draft_is_visible_only_to_its_merchant() {
    let app = app().start().await;
    let (merchant, other) = (app.merchant("Mo").await, app.merchant("Other").await);
    let draft = app.deal(&merchant).draft().await;
    let path = format!("/deals/{}", draft.id);
    assert_eq!(app.browser().get(&path).await.status, 404);
    assert_eq!(app.browser_of(&other).await.get(&path).await.status, 404);
    app.browser_of(&merchant).await.get(&path).await.says("Not published yet");
}

#[actix_web::test]
async fn a_deal_page_has_open_graph_tags_and_json_ld() {
    let app = app().start().await;
    let deal = app.deal(&app.merchant("Mo").await).publish().await;
    let html = page(&app, &deal).await.html;
    assert!(html.contains(r#"<meta property="og:title" content="Pottery for beginners: $19.00 instead of $38.00">"#));
    let (_, json) = html.split_once(r#"<script type="application/ld+json">"#).unwrap();
    let json: serde_json::Value = serde_json::from_str(json.split_once("</script>").unwrap().0).unwrap();
    assert_eq!(
        (json["offers"]["price"].as_str(), json["name"].as_str()),
        (Some("19.00"), Some("Pottery for beginners"))
    );
}

#[actix_web::test]
async fn text_of_a_merchant_never_runs_as_a_script() {
    let app = app().start().await;
    let merchant = app.merchant("<img src=x onerror=alert(1)>").await;
    let hostile = "</script><script>alert(1)</script>\"onload=\"alert(1)";
    let deal = app
        .deal(&merchant)
        .with(|form| {
            form.title = hostile.into();
            form.description = format!("{hostile} [x](javascript:alert(1)) <iframe src=//evil.example></iframe>");
            form.city = Some(hostile.into());
        })
        .publish()
        .await;
    for path in [format!("/deals/{}", deal.id), "/".into(), "/?q=%3Cscript%3Ealert(1)%3C/script%3E".into()] {
        let page = app.browser().get(&path).await;
        assert_eq!(page.status, 200, "{path}");
        page.says("alert(1)");
        assert!(!page.html.contains("<script>alert") && !page.html.contains("<img src=x"), "{path}");
        assert!(!page.html.contains("<iframe") && !page.html.contains("href=\"javascript:"), "{path}");
        assert!(page.header("content-security-policy").contains("script-src 'self'"), "{path}");
    }
}

#[actix_web::test]
async fn a_deal_page_transfers_under_60_kb_without_pictures() {
    let app = app().start().await;
    let deal = app.deal(&app.merchant("Mo").await).cap(100).publish().await;
    let page = page(&app, &deal).await;
    let files: Vec<&str> = page
        .html
        .split('"')
        .filter(|part| part.starts_with("/static/"))
        .map(|url| url.split('#').next().unwrap())
        .collect();
    let mut paths: Vec<String> = files.into_iter().map(ToOwned::to_owned).collect();
    paths.sort();
    paths.dedup();
    assert!(paths.len() > 5, "{paths:?}");
    paths.push(format!("/deals/{}", deal.id));
    let mut weight = 0;
    for path in paths {
        let answer = app.get(&path).header("accept-encoding", "gzip").send().await.unwrap();
        assert_eq!(
            (answer.status().as_u16(), answer.headers()["content-encoding"].to_str().unwrap()),
            (200, "gzip"),
            "{path}"
        );
        weight += answer.bytes().await.unwrap().len();
    }
    assert!(weight < 60_000, "the page weighs {weight} bytes");
}

#[actix_web::test]
async fn the_page_carries_the_phase_and_state_of_the_deal() {
    let app = app().start().await;
    let deal = app.deal(&app.merchant("Mo").await).tipping_point(1).publish().await;
    fill(&app, &deal, 1).await;
    let html = page(&app, &deal).await.html;
    assert!(html.contains("data-phase=\"on\"") && html.contains("&#34;state&#34;:&#34;tipped&#34;"));
    assert_eq!(app.store.deal(deal.id).await.unwrap().unwrap().progress.state, DealState::Tipped);
}
