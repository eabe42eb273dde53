//! Joining and leaving through forms.

use std::time::Duration;

use muster::domain::{Deal, SignupId};
use sqlx::{AssertSqlSafe, Executor};

use crate::support::app;
use crate::support::fault::wait_until;
use crate::support::outcomes::joined;
use crate::support::people::join_request;

fn join(deal: &Deal) -> String {
    format!("/deals/{}/join", deal.id)
}

fn path(deal: &Deal) -> String {
    format!("/deals/{}", deal.id)
}

#[actix_web::test]
async fn a_buyer_joins_and_sees_their_number() {
    let app = app().start().await;
    let deal = app.deal(&app.merchant("Mo").await).tipping_point(3).publish().await;
    let mut ann = app.browser_of(&app.buyer("Ann").await).await;
    let page = ann.get(&path(&deal)).await;
    page.says("Join for $19.00").says("You pay nothing now.");
    let joined = ann.submit(&page, &join(&deal), &[("units", "2")]).await;
    assert_eq!(joined.status, 303);
    let signup = ann.open(&joined.location().unwrap()).await;
    signup.says("You are buyer 1").says("2 coupons").says("2 more buyers needed").says("Leave this deal");
    ann.get(&path(&deal)).await.says("You joined: you are buyer 1").says("Take one more");
    ann.get("/my/deals").await.says("Waiting for more buyers 1").says("Pottery for beginners").says("buyer 1");
}

#[actix_web::test]
async fn submitting_the_join_form_twice_makes_one_signup() {
    let app = app().start().await;
    let deal = app.deal(&app.merchant("Mo").await).publish().await;
    let mut ann = app.browser_of(&app.buyer("Ann").await).await;
    let page = ann.get(&path(&deal)).await;
    let first = ann.submit(&page, &join(&deal), &[]).await;
    let second = ann.submit(&page, &join(&deal), &[]).await;
    assert_eq!(first.location(), second.location());
    assert_eq!(app.store.deal(deal.id).await.unwrap().unwrap().progress.units, 1);
}

#[actix_web::test]
async fn an_anonymous_join_redirects_to_sign_in_and_back() {
    let app = app().start().await;
    let deal = app.deal(&app.merchant("Mo").await).publish().await;
    let answer = app.browser().post(&join(&deal), &[("units", "1"), ("idempotency_key", "k")]).await;
    assert_eq!(answer.status, 303);
    assert!(answer.location().unwrap().starts_with("/sign-in?next="));
    let page = app.browser().get(&path(&deal)).await;
    assert!(page.html.contains(&format!("/sign-in?next=/deals/{}", deal.id)));
}

#[actix_web::test]
async fn exceeding_the_per_buyer_limit_is_refused_and_keeps_the_form() {
    let app = app().start().await;
    let deal = app.deal(&app.merchant("Mo").await).per_buyer_max(2).publish().await;
    let mut ann = app.browser_of(&app.buyer("Ann").await).await;
    let page = ann.get(&path(&deal)).await;
    let key = page.field(&join(&deal), "idempotency_key");
    let refused = ann.submit(&page, &join(&deal), &[("units", "3")]).await;
    assert_eq!(refused.status, 409);
    refused.says("That is more than one buyer may have").says("One buyer may have 2 coupons of this deal.");
    assert_eq!(refused.field(&join(&deal), "idempotency_key"), key, "the form keeps its key");
}

#[actix_web::test]
async fn a_refusal_for_too_few_units_says_how_many_are_available() {
    let app = app().start().await;
    let deal = app.deal(&app.merchant("Mo").await).tipping_point(3).cap(4).publish().await;
    let mut ann = app.browser_of(&app.buyer("Ann").await).await;
    let page = ann.get(&path(&deal)).await;
    // Two of the four units are for the two buyers who are still needed after her.
    let refused = ann.submit(&page, &join(&deal), &[("units", "3")]).await;
    assert_eq!(refused.status, 409);
    refused.says("Only 2 coupons can be had now").says("Choose fewer");
}

#[actix_web::test]
async fn a_deal_that_sold_out_since_the_page_was_loaded_says_so() {
    let app = app().start().await;
    let deal = app.deal(&app.merchant("Mo").await).tipping_point(1).cap(1).publish().await;
    let mut ann = app.browser_of(&app.buyer("Ann").await).await;
    let page = ann.get(&path(&deal)).await;
    app.engine_join(&app.buyer("Bob").await, deal.id, 1, "k").await;
    let refused = ann.submit(&page, &join(&deal), &[]).await;
    assert_eq!(refused.status, 409);
    refused.says("Sold out meanwhile");
}

/// Redis still has the hold of the last unit although the join is committed.
#[actix_web::test]
async fn a_committed_join_whose_hold_remains_counts_as_sold_out() {
    let app = app().nodes(2).with_proxies().with("redis.hold_ttl_ms", "60000").start().await;
    let deal = app.deal(&app.merchant("Mo").await).tipping_point(1).cap(2).publish().await;
    joined(app.engine_join(&app.buyer("Bob").await, deal.id, 1, "k").await);
    app.backend.wait_until_nothing_is_held(deal.id).await;
    let mut ann = app.browser_of(&app.buyer("Ann").await).await;
    let page = ann.get(&path(&deal)).await;

    let mut locked = app.backend.connect().await;
    locked
        .execute(AssertSqlSafe(format!("BEGIN; SELECT FROM deals WHERE id = '{}' FOR UPDATE", deal.id)))
        .await
        .unwrap();
    let (second_node, eve) = (app.nodes[1].engine.clone(), join_request(&app.buyer("Eve").await, deal.id, 1, "k"));
    let last = tokio::spawn(async move { second_node.join(eve).await });
    wait_until("Eve's join waits for the deal", async || app.backend.waiting_for_locks().await == 1).await;
    let held = ann.submit(&page, &join(&deal), &[]).await;
    assert_eq!(held.status, 409);
    held.says("Every free place is being taken right now");

    app.proxies[1].redis.cut();
    locked.execute("COMMIT").await.unwrap();
    joined(last.await.unwrap());
    let sold_out = ann.submit(&page, &join(&deal), &[]).await;
    assert_eq!(sold_out.status, 409);
    sold_out.says("Sold out meanwhile");
}

#[actix_web::test]
async fn a_deal_that_ended_since_the_page_was_loaded_says_so() {
    let app = app().start().await;
    let deal = app.deal(&app.merchant("Mo").await).publish().await;
    let mut ann = app.browser_of(&app.buyer("Ann").await).await;
    let page = ann.get(&path(&deal)).await;
    app.clock.advance(Duration::from_hours(25)).await;
    let refused = ann.submit(&page, &join(&deal), &[]).await;
    assert_eq!(refused.status, 409);
    refused.says("This deal is over");
}

#[actix_web::test]
async fn invalid_units_and_a_missing_key_are_explained() {
    let app = app().start().await;
    let deal = app.deal(&app.merchant("Mo").await).publish().await;
    let mut ann = app.browser_of(&app.buyer("Ann").await).await;
    let page = ann.get(&path(&deal)).await;
    for units in ["", "two", "0", "-1", "99999999999"] {
        let refused = ann.submit(&page, &join(&deal), &[("units", units)]).await;
        assert_eq!(refused.status, 422, "{units}");
        refused.says("Enter a whole number");
    }
    let refused = ann.submit(&page, &join(&deal), &[("idempotency_key", "")]).await;
    assert_eq!(refused.status, 400);
    refused.says("The form was not complete");
    assert!(!refused.field(&join(&deal), "idempotency_key").is_empty(), "the form has a new key");
}

#[actix_web::test]
async fn the_same_form_with_other_units_gets_a_new_key() {
    let app = app().start().await;
    let deal = app.deal(&app.merchant("Mo").await).publish().await;
    let mut ann = app.browser_of(&app.buyer("Ann").await).await;
    let page = ann.get(&path(&deal)).await;
    let key = page.field(&join(&deal), "idempotency_key");
    ann.submit(&page, &join(&deal), &[("units", "1")]).await;
    let refused = ann.submit(&page, &join(&deal), &[("units", "2")]).await;
    assert_eq!(refused.status, 422);
    assert_ne!(refused.field(&join(&deal), "idempotency_key"), key);
}

#[actix_web::test]
async fn a_buyer_can_leave_until_the_deal_tips() {
    let app = app().start().await;
    let deal = app.deal(&app.merchant("Mo").await).tipping_point(2).publish().await;
    let mut ann = app.browser_of(&app.buyer("Ann").await).await;
    let page = ann.get(&path(&deal)).await;
    let signup = ann.submit_and_follow(&page, &join(&deal), &[]).await;
    let leave =
        signup.html.split("action=\"").find(|a| a.contains("/leave\"")).unwrap().split('"').next().unwrap().to_owned();
    let left = ann.submit_and_follow(&signup, &leave, &[]).await;
    left.says("You left this deal").does_not_say("Leave this deal");
    ann.get("/my/deals").await.says("Left 1");

    let page = ann.get(&path(&deal)).await;
    let again = ann.submit_and_follow(&page, &join(&deal), &[]).await;
    let leave =
        again.html.split("action=\"").find(|a| a.contains("/leave\"")).unwrap().split('"').next().unwrap().to_owned();
    app.engine_join(&app.buyer("Bob").await, deal.id, 1, "k").await;
    let refused = ann.submit(&again, &leave, &[]).await;
    assert_eq!(refused.status, 409);
    refused.says("The deal is on by now").says("leaving is no longer possible");
}

#[actix_web::test]
async fn a_signup_page_is_visible_only_to_its_buyer() {
    let app = app().start().await;
    let deal = app.deal(&app.merchant("Mo").await).publish().await;
    let mut ann = app.browser_of(&app.buyer("Ann").await).await;
    let page = ann.get(&path(&deal)).await;
    let signup = ann.submit(&page, &join(&deal), &[]).await.location().unwrap();
    let mut bob = app.browser_of(&app.buyer("Bob").await).await;
    assert_eq!(bob.get(&signup).await.status, 404);
    let token = bob.get("/account").await.field("/sign-out", "csrf_token");
    assert_eq!(bob.post(&format!("{signup}/leave"), &[("csrf_token", &token)]).await.status, 404);
    assert_eq!(app.browser().get(&signup).await.status, 303);
}

#[actix_web::test]
async fn an_unconfirmed_join_can_be_retried_from_the_waiting_page() {
    let app = app().start().await;
    let deal = app.deal(&app.merchant("Mo").await).publish().await;
    let mut ann = app.browser_of(&app.buyer("Ann").await).await;
    let waiting = format!("/signups/{}?deal={}&units=2&key=k1", SignupId::generate(), deal.id);
    let page = ann.get(&waiting).await;
    page.says("We could not confirm it").says("Trying again is safe");
    let joined = ann.submit_and_follow(&page, &join(&deal), &[]).await;
    joined.says("You are buyer 1").says("2 coupons");
}

#[actix_web::test]
async fn staff_of_the_deals_merchant_get_no_join_form_and_are_told_why() {
    let app = app().start().await;
    let merchant = app.merchant("Mo").await;
    let deal = app.deal(&merchant).publish().await;
    let mut browser = app.browser_of(&merchant).await;
    browser.get(&path(&deal)).await.says("You can't join a deal of your own shop.").does_not_say("Join for");
    let token = browser.get("/account").await.field("/sign-out", "csrf_token");
    let form = [("csrf_token", token.as_str()), ("units", "1"), ("idempotency_key", "own")];
    let refused = browser.post(&join(&deal), &form).await;
    assert_eq!(refused.status, 409);
    refused.says("You can't join a deal of your own shop.");
    assert_eq!(app.backend.query_i64("SELECT count(*) FROM signups").await, 0);
}

#[actix_web::test]
async fn another_merchants_owner_joins_like_any_buyer() {
    let app = app().start().await;
    let deal = app.deal(&app.merchant("Mo").await).publish().await;
    let mut jo = app.browser_of(&app.merchant("Jo").await).await;
    let page = jo.get(&path(&deal)).await;
    page.says("My stall").says("My deals");
    jo.submit_and_follow(&page, &join(&deal), &[]).await.says("You are buyer 1");
}
