//! Joining and leaving by plain forms.

use std::time::Duration;

use muster::domain::{Deal, SignupId};
use sqlx::{AssertSqlSafe, Executor};

use crate::support::app;
use crate::support::fault::until;
use crate::support::outcomes::joined;
use crate::support::people::wish;

fn join(deal: &Deal) -> String {
    format!("/deals/{}/join", deal.id)
}

fn path(deal: &Deal) -> String {
    format!("/deals/{}", deal.id)
}

#[actix_web::test]
async fn a_buyer_joins_and_is_told_her_number() {
    let app = app().start().await;
    let deal = app.deal(&app.merchant("Mo").await).tipping_point(3).publish().await;
    let mut ann = app.browser_of(&app.buyer("Ann").await).await;
    let page = ann.get(&path(&deal)).await;
    page.says("Join for $19.00").says("You pay nothing now.");
    let joined = ann.submit(&page, &join(&deal), &[("units", "2")]).await;
    assert_eq!(joined.status, 303);
    let signup = ann.open(&joined.leads_to().unwrap()).await;
    signup.says("You are buyer 1").says("2 coupons").says("2 more buyers needed").says("Leave this deal");
    ann.get(&path(&deal)).await.says("You joined: you are buyer 1").says("Take one more");
    ann.get("/my/deals").await.says("Waiting for more buyers 1").says("Pottery for beginners").says("buyer 1");
}

#[actix_web::test]
async fn a_form_that_is_sent_twice_takes_one_place() {
    let app = app().start().await;
    let deal = app.deal(&app.merchant("Mo").await).publish().await;
    let mut ann = app.browser_of(&app.buyer("Ann").await).await;
    let page = ann.get(&path(&deal)).await;
    let first = ann.submit(&page, &join(&deal), &[]).await;
    let second = ann.submit(&page, &join(&deal), &[]).await;
    assert_eq!(first.leads_to(), second.leads_to());
    assert_eq!(app.store.deal(deal.id).await.unwrap().unwrap().progress.units, 1);
}

#[actix_web::test]
async fn a_visitor_is_sent_to_sign_in_and_back() {
    let app = app().start().await;
    let deal = app.deal(&app.merchant("Mo").await).publish().await;
    let answer = app.browser().post(&join(&deal), &[("units", "1"), ("idempotency_key", "k")]).await;
    assert_eq!(answer.status, 303);
    assert!(answer.leads_to().unwrap().starts_with("/sign-in?next="));
    let page = app.browser().get(&path(&deal)).await;
    assert!(page.html.contains(&format!("/sign-in?next=/deals/{}", deal.id)));
}

#[actix_web::test]
async fn more_than_one_buyer_may_have_is_refused_and_nothing_typed_is_lost() {
    let app = app().start().await;
    let deal = app.deal(&app.merchant("Mo").await).per_buyer_max(2).publish().await;
    let mut ann = app.browser_of(&app.buyer("Ann").await).await;
    let page = ann.get(&path(&deal)).await;
    let key = page.field(&join(&deal), "idempotency_key");
    let refused = ann.submit(&page, &join(&deal), &[("units", "3")]).await;
    assert_eq!(refused.status, 409);
    refused.says("That is more than one buyer may have").says("One buyer may have 2 coupons of this deal.");
    assert_eq!(refused.field(&join(&deal), "idempotency_key"), key, "the same key may succeed");
}

#[actix_web::test]
async fn too_few_left_says_how_many_can_be_had() {
    let app = app().start().await;
    let deal = app.deal(&app.merchant("Mo").await).tipping_point(3).cap(4).publish().await;
    let mut ann = app.browser_of(&app.buyer("Ann").await).await;
    let page = ann.get(&path(&deal)).await;
    // Two of the four are for the two buyers who are still needed after her.
    let refused = ann.submit(&page, &join(&deal), &[("units", "3")]).await;
    assert_eq!(refused.status, 409);
    refused.says("Only 2 coupons can be had now").says("Choose fewer");
}

#[actix_web::test]
async fn a_deal_that_sells_out_meanwhile_says_so() {
    let app = app().start().await;
    let deal = app.deal(&app.merchant("Mo").await).tipping_point(1).cap(1).publish().await;
    let mut ann = app.browser_of(&app.buyer("Ann").await).await;
    let page = ann.get(&path(&deal)).await;
    app.join(&app.buyer("Bob").await, deal.id, 1, "k").await;
    let refused = ann.submit(&page, &join(&deal), &[]).await;
    assert_eq!(refused.status, 409);
    refused.says("Sold out meanwhile");
}

/// Redis has heard that the last place is held, and not yet that it is taken.
#[actix_web::test]
async fn a_held_place_that_is_taken_by_now_is_gone_and_not_held() {
    let app = app().nodes(2).wired().with("redis.hold_ttl_ms", "60000").start().await;
    let deal = app.deal(&app.merchant("Mo").await).tipping_point(1).cap(2).publish().await;
    joined(app.join(&app.buyer("Bob").await, deal.id, 1, "k").await);
    app.home.nothing_is_held(deal.id).await;
    let mut ann = app.browser_of(&app.buyer("Ann").await).await;
    let page = ann.get(&path(&deal)).await;

    let mut locked = app.home.connect().await;
    locked
        .execute(AssertSqlSafe(format!("BEGIN; SELECT FROM deals WHERE id = '{}' FOR UPDATE", deal.id)))
        .await
        .unwrap();
    let (there, eve) = (app.nodes[1].engine.clone(), wish(&app.buyer("Eve").await, deal.id, 1, "k"));
    let last = tokio::spawn(async move { there.join(eve).await });
    until("her join waits for the deal", async || app.home.waiting_for_locks().await == 1).await;
    let held = ann.submit(&page, &join(&deal), &[]).await;
    assert_eq!(held.status, 409);
    held.says("Every free place is being taken right now");

    app.wires[1].redis.cut();
    locked.execute("COMMIT").await.unwrap();
    joined(last.await.unwrap());
    let gone = ann.submit(&page, &join(&deal), &[]).await;
    assert_eq!(gone.status, 409);
    gone.says("Sold out meanwhile");
}

#[actix_web::test]
async fn a_deal_that_ends_meanwhile_says_so() {
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
async fn a_number_that_is_none_and_a_missing_key_are_explained() {
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
    assert!(!refused.field(&join(&deal), "idempotency_key").is_empty(), "the next try has a key");
}

#[actix_web::test]
async fn the_same_form_with_another_number_gets_a_new_key() {
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
async fn a_buyer_leaves_until_the_deal_is_on() {
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
    app.join(&app.buyer("Bob").await, deal.id, 1, "k").await;
    let refused = ann.submit(&again, &leave, &[]).await;
    assert_eq!(refused.status, 409);
    refused.says("The deal is on by now").says("leaving is no longer possible");
}

#[actix_web::test]
async fn a_signup_is_its_buyers_own() {
    let app = app().start().await;
    let deal = app.deal(&app.merchant("Mo").await).publish().await;
    let mut ann = app.browser_of(&app.buyer("Ann").await).await;
    let page = ann.get(&path(&deal)).await;
    let signup = ann.submit(&page, &join(&deal), &[]).await.leads_to().unwrap();
    let mut bob = app.browser_of(&app.buyer("Bob").await).await;
    assert_eq!(bob.get(&signup).await.status, 404);
    let token = bob.get("/account").await.field("/sign-out", "csrf_token");
    assert_eq!(bob.post(&format!("{signup}/leave"), &[("csrf_token", &token)]).await.status, 404);
    assert_eq!(app.browser().get(&signup).await.status, 303);
}

#[actix_web::test]
async fn a_join_of_which_nothing_is_known_can_be_sent_again_from_the_waiting_page() {
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
async fn the_staff_of_the_deals_merchant_get_no_join_form_and_are_told_why() {
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
    assert_eq!(app.home.number("SELECT count(*) FROM signups").await, 0);
}

#[actix_web::test]
async fn the_owner_of_another_shop_joins_like_anybody_else() {
    let app = app().start().await;
    let deal = app.deal(&app.merchant("Mo").await).publish().await;
    let mut jo = app.browser_of(&app.merchant("Jo").await).await;
    let page = jo.get(&path(&deal)).await;
    page.says("My stall").says("My deals");
    jo.submit_and_follow(&page, &join(&deal), &[]).await.says("You are buyer 1");
}
