//! Merchants and their staff: what staff may do for which merchant, and which deals they may join.

use std::time::Duration;

use serde_json::{Value, json};

use crate::api::deals::new_deal;
use crate::api::{Answer, read, send};
use crate::support::{self, Person, TestApp};

/// Longer than a node caches identities.
const AFTER_TOKEN_CACHE: Duration = Duration::from_secs(6);

async fn merchants_with_the_id_of_an_account(app: &TestApp) -> i64 {
    app.backend.query_i64("SELECT count(*) FROM merchants JOIN accounts USING (id)").await
}

async fn sign_up(app: &TestApp, email: &str, role: Option<&str>) -> Value {
    let mut new = json!({"email": email, "password": "correct horse battery", "name": "Mo's Pottery"});
    if let Some(role) = role {
        new["role"] = json!(role);
    }
    let answer = send(app.client.post(app.url("/api/v1/accounts")).json(&new)).await;
    assert_eq!(answer.status, 201);
    answer.body
}

#[tokio::test]
async fn signing_up_as_a_merchant_creates_a_merchant_with_its_own_id() {
    let app = support::app().start().await;
    let mo = sign_up(&app, "mo@example.com", Some("merchant")).await;
    let opened =
        "SELECT format('%s %s %s', m.id, m.name, s.role) FROM merchants AS m JOIN staff AS s ON s.merchant = m.id";
    let opened: String = sqlx::query_scalar(opened).fetch_one(&mut app.backend.connect().await).await.unwrap();
    assert_eq!(opened, format!("{} Mo's Pottery owner", mo["merchant"].as_str().unwrap()));
    assert_eq!(mo["role"], "merchant");
    for (email, role) in [("ann@example.com", Some("buyer")), ("bob@example.com", None)] {
        let buyer = sign_up(&app, email, role).await;
        assert_eq!((&buyer["role"], &buyer["merchant"]), (&json!("buyer"), &Value::Null));
    }
    assert_eq!(app.backend.query_i64("SELECT count(*) FROM merchants").await, 1);
    assert_eq!(merchants_with_the_id_of_an_account(&app).await, 0);
}

#[tokio::test]
async fn an_owner_and_their_merchant_have_different_ids() {
    let app = support::app().start().await;
    let mo = app.merchant("Mo").await;
    assert_ne!(mo.merchant_id().as_uuid(), mo.id.as_uuid());
    assert_eq!(merchants_with_the_id_of_an_account(&app).await, 0);
}

#[tokio::test]
async fn owners_can_join_other_merchants_deals_but_not_their_own() {
    let app = support::app().start().await;
    let (mo, jo) = (app.merchant("Mo").await, app.merchant("Jo").await);
    let deal = app.deal(&mo).publish().await.id;
    let own = read(mo.post_join(deal, 1, "a").await).await;
    assert_eq!((own.status, own.code()), (409, "own_deal"));
    assert_eq!(app.backend.query_i64("SELECT count(*) FROM signups").await, 0);
    assert_eq!(read(jo.post_join(deal, 1, "a").await).await.status, 201);
    assert_eq!(send(jo.get("/api/v1/signups")).await.body["data"].as_array().unwrap().len(), 1);
    app.assert_clean().await;
}

#[tokio::test]
async fn a_buyer_who_becomes_staff_keeps_their_signup_but_cannot_join_again() {
    let app = support::app().start().await;
    let (mo, ann) = (app.merchant("Mo").await, app.buyer("Ann").await);
    let deal = app.deal(&mo).publish().await.id;
    let joined = read(ann.post_join(deal, 1, "a").await).await;
    let employ =
        format!("INSERT INTO staff (merchant, account, role) VALUES ('{}', '{}', 'owner')", mo.merchant_id(), ann.id);
    app.backend.sql(&employ).await;
    app.clock.advance(AFTER_TOKEN_CACHE).await;
    assert_eq!(read(ann.post_join(deal, 1, "b").await).await.code(), "own_deal");
    let again = read(ann.post_join(deal, 1, "a").await).await;
    assert_eq!((again.status, &again.body["id"]), (201, &joined.body["id"]));
    assert_eq!(again.header("idempotency-replayed"), "true");
    let signup = format!("/api/v1/signups/{}", joined.body["id"].as_str().unwrap());
    assert_eq!(send(ann.get(&signup)).await.body["state"], "active");
    assert_eq!(send(ann.delete(&signup)).await.status, 204);
    app.assert_clean().await;
}

async fn create(app: &TestApp, owner: &Person, merchant: Option<Value>) -> Answer {
    let mut deal = new_deal(app);
    if let Some(merchant) = merchant {
        deal["merchant"] = merchant;
    }
    send(owner.post("/api/v1/deals").json(&deal)).await
}

#[tokio::test]
async fn staff_of_several_merchants_must_name_one_to_create_a_deal() {
    let app = support::app().start().await;
    let (mo, jo) = (app.merchant("Mo").await, app.merchant("Jo").await);
    assert_eq!(create(&app, &mo, None).await.body["merchant"], json!(mo.merchant_id()));
    let bakery = app.create_merchant_for(&mo, "Bakery").await;
    app.clock.advance(AFTER_TOKEN_CACHE).await;
    for merchant in [None, Some(json!(jo.merchant_id())), Some(json!("bakery")), Some(json!(7))] {
        let refused = create(&app, &mo, merchant.clone()).await;
        assert_eq!((refused.status, refused.pointers()), (422, vec!["/merchant"]), "{merchant:?}");
    }
    let created = create(&app, &mo, Some(json!(bakery))).await;
    assert_eq!((&created.body["merchant"], &created.body["merchant_name"]), (&json!(bakery), &json!("Bakery")));
    let mine = send(mo.get("/api/v1/deals?mine=true")).await;
    let sellers: Vec<&Value> = mine.body["data"].as_array().unwrap().iter().map(|deal| &deal["merchant"]).collect();
    assert_eq!(sellers, [&json!(bakery), &json!(mo.merchant_id())], "the deals of both, newest first");
    let path = format!("/api/v1/deals/{}", created.body["id"].as_str().unwrap());
    assert_eq!(send(jo.post(&format!("{path}/publish"))).await.code(), "no_such_deal");
    assert_eq!(send(mo.post(&format!("{path}/publish"))).await.status, 200);
}

#[tokio::test]
async fn staff_can_redeem_coupons_of_all_their_merchants() {
    let app = support::app().start().await;
    let (mo, jo, ann) = (app.merchant("Mo").await, app.merchant("Jo").await, app.buyer("Ann").await);
    for shop in [&mo, &jo] {
        let deal = app.deal(shop).tipping_point(1).publish().await.id;
        ann.post_join(deal, 1, "a").await;
    }
    app.settle_now().await;
    let coupons = send(ann.get("/api/v1/coupons")).await;
    let codes: Vec<Value> =
        coupons.body["data"].as_array().unwrap().iter().map(|c| json!({"code": c["code"]})).collect();
    let employ =
        format!("INSERT INTO staff (merchant, account, role) VALUES ('{}', '{}', 'owner')", jo.merchant_id(), mo.id);
    app.backend.sql(&employ).await;
    app.clock.advance(AFTER_TOKEN_CACHE).await;
    for code in &codes {
        let redeemed = send(mo.post("/api/v1/redemptions").json(code)).await;
        assert_eq!((redeemed.status, &redeemed.body["redeemed_where"]), (201, &json!("Mo")));
    }
    let by_mo = format!("SELECT count(*) FROM coupons WHERE redeemed_by = '{}'", mo.id);
    assert_eq!(app.backend.query_i64(&by_mo).await, 2);
}
