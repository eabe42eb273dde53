//! Writing and editing deals.

use chrono::TimeDelta;
use muster::domain::DealState;

use crate::support::{TestApp, app};

const NEW: &str = "/merchant/deals/new";

const GOOD: [(&str, &str); 12] = [
    ("title", "Coffee for two"),
    ("description", "**Two** flat whites.\n\nAny day."),
    ("price", "19"),
    ("face_value", "40"),
    ("currency", "usd"),
    ("tipping_point", "10"),
    ("cap", "100"),
    ("per_buyer_max", "2"),
    ("time_zone", "Asia/Jakarta"),
    ("opens_at", "2026-01-01T09:00"),
    ("closes_at", "CLOSES"),
    ("coupon_expires_at", "EXPIRES"),
];

/// Valid fields, with times in the future.
fn good(app: &TestApp) -> Vec<(&'static str, String)> {
    let later = |days| (app.nodes[0].clock.now() + TimeDelta::days(days)).format("%Y-%m-%dT%H:%M").to_string();
    let dated = |value: &str| value.replace("CLOSES", &later(3)).replace("EXPIRES", &later(90));
    GOOD.iter().map(|(name, value)| (*name, dated(value))).collect()
}

fn with<'a>(fields: &'a [(&'static str, String)], changes: &[(&'static str, &'a str)]) -> Vec<(&'static str, &'a str)> {
    let replaced = |name: &str| changes.iter().any(|(other, _)| *other == name);
    let kept = fields.iter().filter(|(name, _)| !replaced(name)).map(|(name, value)| (*name, value.as_str()));
    kept.chain(changes.iter().copied()).collect()
}

#[actix_web::test]
async fn a_merchant_writes_previews_and_publishes_a_deal() {
    let app = app().start().await;
    let mut mo = app.browser_of(&app.merchant("Mo").await).await;
    mo.get("/merchant").await.says("Nothing on the table yet");
    let (form, good) = (mo.get(NEW).await, good(&app));

    let preview = mo.submit(&form, NEW, &with(&good, &[("then", "preview")])).await;
    preview.says("As buyers see it").says("Coffee for two").says("$190.00 or more").says("$1,900.00");
    assert!(preview.html.contains("<strong>Two</strong>"));
    mo.get("/merchant").await.says("Nothing on the table yet");

    let draft = mo.submit_and_follow(&preview, NEW, &with(&good, &[("then", "save")])).await;
    draft.says("Not published yet").says("Ready?");
    mo.get("/merchant").await.says("Drafts 1");
    let publish = draft.html.split("action=\"").find(|a| a.contains("/publish\"")).unwrap().split('"').next().unwrap();
    let console = mo.submit_and_follow(&draft, publish, &[]).await;
    console.says("10 more buyers needed").says("Nobody yet. Share the deal");
    app.browser().get("/").await.says("Coffee for two");
}

#[actix_web::test]
async fn all_problems_are_shown_together_and_the_input_is_kept() {
    let app = app().start().await;
    let mut mo = app.browser_of(&app.merchant("Mo").await).await;
    let (form, good) = (mo.get(NEW).await, good(&app));
    let bad = [
        ("title", ""),
        ("price", "45"),
        ("cap", "five"),
        ("closes_at", "2020-01-01T09:00"),
        ("time_zone", "Mars"),
        ("description", "kept <b>as</b> it is"),
        ("then", "save"),
    ];
    let refused = mo.submit(&form, NEW, &with(&good, &bad)).await;
    assert_eq!(refused.status, 422);
    refused
        .says("things are not right yet")
        .says("Title: Fill this in.")
        .says("Price: Offer a price below the face value.");
    refused.says("Cap (optional): Enter a whole number.").says("Time zone: Name an IANA time zone");
    for (name, value) in with(&good, &bad).into_iter().filter(|(name, _)| *name != "then") {
        assert_eq!(refused.field(NEW, name), value, "{name}");
    }
    assert!(refused.html.contains(r##"href="#price""##) && refused.html.contains(r#"id="price-wrong""#));
    assert!(refused.html.contains(r#"aria-describedby="price-hint price-wrong""#));
}

#[actix_web::test]
async fn only_the_texts_of_a_published_deal_can_be_edited() {
    let app = app().start().await;
    let merchant = app.merchant("Mo").await;
    let deal = app.deal(&merchant).publish().await;
    let mut mo = app.browser_of(&merchant).await;
    let edit = format!("/merchant/deals/{}/edit", deal.id);
    let form = mo.get(&edit).await;
    let fields = form.form(&edit);
    assert!(fields.iter().any(|(name, _)| name == "title") && fields.iter().all(|(name, _)| name != "price"));
    let typed = [("title", "Pottery for everybody"), ("price", "1.00"), ("tipping_point", "1"), ("then", "save")];
    let saved = mo.submit_and_follow(&form, &edit, &typed).await;
    saved.says("Pottery for everybody").says("$19.00");
    let stored = app.store.deal(deal.id).await.unwrap().unwrap();
    assert_eq!((stored.terms.price, stored.terms.tipping_point), (deal.terms.price, 10));
}

#[actix_web::test]
async fn saving_over_an_unseen_change_must_be_confirmed() {
    let app = app().start().await;
    let merchant = app.merchant("Mo").await;
    let deal = app.deal(&merchant).draft().await;
    let mut mo = app.browser_of(&merchant).await;
    let edit = format!("/merchant/deals/{}/edit", deal.id);
    let (first, second) = (mo.get(&edit).await, mo.get(&edit).await);
    assert_eq!(mo.submit(&first, &edit, &[("title", "First"), ("then", "save")]).await.status, 303);
    let refused = mo.submit(&second, &edit, &[("title", "Second"), ("then", "save")]).await;
    assert_eq!(refused.status, 409);
    refused.says("changed in another window");
    assert_eq!(refused.field(&edit, "title"), "Second");
    assert_eq!(
        mo.submit(&refused, &edit, &[("then", "save")]).await.status,
        303,
        "the form now has the newest version"
    );
}

#[actix_web::test]
async fn a_draft_cannot_be_published_after_its_window() {
    let app = app().start().await;
    let merchant = app.merchant("Mo").await;
    let deal = app.deal(&merchant).draft().await;
    app.clock.advance(std::time::Duration::from_hours(25)).await;
    let mut mo = app.browser_of(&merchant).await;
    let console = mo.get(&format!("/merchant/deals/{}", deal.id)).await;
    let refused = mo.submit(&console, &format!("/merchant/deals/{}/publish", deal.id), &[]).await;
    assert_eq!(refused.status, 409);
    refused.says("It would be over at once");
    assert_eq!(app.store.deal(deal.id).await.unwrap().unwrap().progress.state, DealState::Draft);
}
