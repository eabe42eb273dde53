//! Showing and redeeming coupons.

use std::time::Duration;

use serde_json::{Value, json};

use super::{Answer, send};
use crate::support::{self, Person, TestApp};

/// A merchant, a buyer, and the buyer's coupon of that merchant's deal.
async fn buyer_with_coupon(app: &TestApp) -> (Person, Person, Value) {
    let (mo, ann) = (app.merchant("Mo").await, app.buyer("Ann").await);
    let deal = app.deal(&mo).tipping_point(1).publish().await;
    ann.post_join(deal.id, 1, "a").await;
    app.settle_now().await;
    let coupons = send(ann.get("/api/v1/coupons")).await;
    (mo, ann, coupons.body["data"][0].clone())
}

async fn redeem(merchant: &Person, code: &str, key: Option<&str>) -> Answer {
    let request = merchant.post("/api/v1/redemptions").json(&json!({"code": code, "till": "Main Street"}));
    send(key.into_iter().fold(request, |request, key| request.header("Idempotency-Key", key))).await
}

#[tokio::test]
async fn a_coupon_has_a_code_and_a_qr_code() {
    let app = support::app().start().await;
    let (_, ann, coupon) = buyer_with_coupon(&app).await;
    assert_eq!(coupon["state"], "issued");
    assert_eq!(coupon["code"].as_str().unwrap().len(), 21);
    let picture = ann.get(coupon["qr"].as_str().unwrap()).send().await.unwrap();
    assert_eq!(picture.headers()["content-type"], "image/svg+xml");
    assert_eq!(picture.headers()["cache-control"], "no-store");
    assert!(picture.text().await.unwrap().contains("<svg"));
    let shown = send(ann.get(&format!("/api/v1/coupons/{}", coupon["id"].as_str().unwrap()))).await;
    assert_eq!(shown.body, coupon);
}

#[tokio::test]
async fn a_coupon_is_redeemed_once_however_its_code_is_typed() {
    let app = support::app().start().await;
    let (mo, ann, coupon) = buyer_with_coupon(&app).await;
    let typed = coupon["code"].as_str().unwrap().to_lowercase().replace('-', "\u{a0}–\u{200b}");
    let redeemed = redeem(&mo, &typed, None).await;
    assert_eq!((redeemed.status, &redeemed.body["coupon"]), (201, &coupon["id"]));
    assert_eq!(redeemed.body["redeemed_where"], "Main Street");
    let again = redeem(&mo, &typed, None).await;
    assert_eq!((again.status, again.code()), (409, "already_redeemed"));
    assert_eq!(again.body["redeemed_at"], redeemed.body["redeemed_at"]);
    assert_eq!(again.body["redeemed_where"], "Main Street");
    let shown = send(ann.get("/api/v1/coupons")).await;
    assert_eq!(shown.body["data"][0]["state"], "redeemed");
}

#[tokio::test]
async fn a_redemption_retried_with_its_key_gets_the_same_response() {
    let app = support::app().start().await;
    let (mo, _, coupon) = buyer_with_coupon(&app).await;
    let code = coupon["code"].as_str().unwrap();
    let first = redeem(&mo, code, Some("k")).await;
    let replay = redeem(&mo, code, Some("k")).await;
    assert_eq!((replay.status, &replay.body), (201, &first.body));
    assert_eq!((first.header("idempotency-replayed"), replay.header("idempotency-replayed")), ("", "true"));
    assert_eq!(redeem(&mo, code, Some("another")).await.code(), "already_redeemed");
}

#[tokio::test]
async fn concurrent_redemptions_of_one_coupon_succeed_once() {
    let app = support::app().start().await;
    let (mo, _, coupon) = buyer_with_coupon(&app).await;
    let code = coupon["code"].as_str().unwrap();
    let answers = futures_util::future::join_all((0..10).map(|_| redeem(&mo, code, None))).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 201).count(), 1);
    assert_eq!(answers.iter().filter(|answer| answer.code() == "already_redeemed").count(), 9);
}

#[tokio::test]
async fn a_coupon_of_another_merchant_is_an_unknown_code() {
    let app = support::app().start().await;
    let (mo, _, coupon) = buyer_with_coupon(&app).await;
    let other = redeem(&app.merchant("Jo").await, coupon["code"].as_str().unwrap(), None).await;
    assert_eq!((other.status, other.code()), (404, "unknown_code"));
    let mistyped = redeem(&mo, "0000-0000-0000-0000-1", None).await;
    assert_eq!((mistyped.status, mistyped.pointers()), (422, vec!["/code"]));
}

#[tokio::test]
async fn expired_coupons_and_coupons_of_withdrawn_deals_are_rejected() {
    let app = support::app().start().await;
    let (mo, _, coupon) = buyer_with_coupon(&app).await;
    let code = coupon["code"].as_str().unwrap();
    let withdraw = format!("/api/v1/deals/{}/withdraw", coupon["deal"].as_str().unwrap());
    send(mo.post(&withdraw).json(&json!({"reason": "Flooded."}))).await;
    let void = redeem(&mo, code, None).await;
    assert_eq!((void.status, void.code()), (409, "coupon_void"));

    let (mo, _, coupon) = buyer_with_coupon(&app).await;
    app.clock.advance(Duration::from_hours(24 * 91)).await;
    let expired = redeem(&mo, coupon["code"].as_str().unwrap(), None).await;
    assert_eq!((expired.status, expired.code()), (409, "coupon_expired"));
}

#[tokio::test]
async fn ten_wrong_codes_throttle_only_the_merchant_that_sent_them() {
    let app = support::app().start().await;
    let (mo, _, coupon) = buyer_with_coupon(&app).await;
    let (jo, _, _) = buyer_with_coupon(&app).await;
    for _ in 0..10 {
        assert_eq!(redeem(&jo, coupon["code"].as_str().unwrap(), None).await.code(), "unknown_code");
    }
    let slowed = redeem(&jo, coupon["code"].as_str().unwrap(), None).await;
    assert_eq!((slowed.status, slowed.code()), (429, "too_many_wrong_codes"));
    assert_eq!(redeem(&mo, coupon["code"].as_str().unwrap(), None).await.status, 201);
    app.clock.advance(Duration::from_mins(11)).await;
    assert_eq!(redeem(&jo, coupon["code"].as_str().unwrap(), None).await.code(), "unknown_code");
}
