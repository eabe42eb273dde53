//! Coupons stay valid when keys are rotated and when the form of codes changes.

use std::collections::BTreeMap;

use hmac::{Hmac, KeyInit, Mac};
use muster::domain::{CouponCode, CouponForm, DealId};
use serde_json::{Value, json};
use sha2::Sha256;

use super::send;
use crate::support::app::Node;
use crate::support::{self, Person, TestApp};

/// The byte that each key repeats: for coupon keys 1 and 2, and for lookup keys 1 and 2.
const COUPON: [u8; 2] = [0x11, 0x22];
const LOOKUP: [u8; 2] = [0xaa, 0xbb];

fn coupon_key(id: usize) -> String {
    format!("{id}:{}", hex(&[COUPON[id - 1]; 32]))
}

fn lookup_key(id: usize) -> String {
    hex(&[LOOKUP[id - 1]; 32])
}

fn hex(bytes: &[u8]) -> String {
    data_encoding::HEXLOWER.encode(bytes)
}

fn hmac(key: &[u8], message: &[u8]) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
    mac.update(message);
    mac.finalize().into_bytes().to_vec()
}

/// Ann's coupon codes by coupon id, as the API of this node shows them.
async fn shown_codes(ann: &Person, node: &Node) -> BTreeMap<String, String> {
    let coupons = send(ann.at(node).get("/api/v1/coupons?limit=100")).await;
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let coupons = coupons.body["data"].as_array().unwrap();
    coupons.iter().map(|coupon| (text(&coupon["id"]), text(&coupon["code"]))).collect()
}

/// The status with which this node answers a redemption of this code, and the coupon's id or the problem's code.
async fn redeem(mo: &Person, node: &Node, code: &str) -> (u16, String) {
    let redeemed = send(mo.at(node).post("/api/v1/redemptions").json(&json!({"code": code}))).await;
    (redeemed.status, redeemed.body["coupon"].as_str().unwrap_or(redeemed.code()).to_owned())
}

/// Issues six coupons to Ann at this node, and returns their codes.
async fn issue(ann: &Person, node: &Node, deal: DealId) -> BTreeMap<String, String> {
    let before = shown_codes(ann, node).await;
    assert_eq!(ann.at(node).post_join(deal, 6, &before.len().to_string()).await.status(), 201);
    node.settle_now().await;
    let issued: BTreeMap<_, _> =
        shown_codes(ann, node).await.into_iter().filter(|(id, _)| !before.contains_key(id)).collect();
    assert_eq!(issued.len(), 6);
    issued
}

/// Rewrites coupons to what a version before form 2 stored with coupon key 1, and returns their codes.
async fn in_form_1(app: &TestApp, issued: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let secret = [COUPON[0]; 32];
    let mut codes = BTreeMap::new();
    for id in issued.keys() {
        let uuid: uuid::Uuid = id.parse().unwrap();
        let hash = hmac(&secret, &[b"coupon code".as_slice(), uuid.as_bytes()].concat());
        let code = CouponCode::from_bits(hash[..10].try_into().unwrap(), CouponForm::Modulo37);
        let lookup = hex(&hmac(&hmac(&secret, b"coupon look-up"), code.compact().as_bytes()));
        let old = format!(
            "WITH old AS (UPDATE coupons SET form = 1 WHERE id = '{id}' RETURNING *)
             UPDATE coupon_codes AS k SET lookup = '\\x{lookup}' FROM old AS c
              WHERE k.deal = c.deal AND k.signup = c.signup AND k.ordinal = c.ordinal"
        );
        app.backend.sql(&old).await;
        codes.insert(id.clone(), code.to_string());
    }
    codes
}

#[tokio::test]
async fn coupons_of_every_form_and_key_still_work_after_each_key_rotation() {
    let key_1 = coupon_key(1);
    let mut app = support::app().with("security.coupon_keys", &key_1).start().await;
    let (mo, ann) = (app.merchant("Mo").await, app.buyer("Ann").await);
    let deal = app.deal(&mo).tipping_point(1).per_buyer_max(30).publish().await.id;
    let both = format!("{},{}", coupon_key(2), coupon_key(1));
    let rotated = format!("{},{}", lookup_key(2), lookup_key(1));
    let periods = [
        ("before form 2", key_1.as_str(), String::new()),
        ("without a lookup key", &key_1, String::new()),
        ("with a lookup key", &key_1, lookup_key(1)),
        ("after a rotation of the lookup key", &key_1, rotated.clone()),
        ("after a rotation of the coupon key, too", &both, rotated),
    ];
    let mut known = BTreeMap::new();
    // The coupons of each period that are not redeemed yet.
    let mut unused: Vec<Vec<(String, String)>> = Vec::new();
    for (period, coupon_keys, lookup_keys) in &periods {
        app.add_node(&[("security.coupon_keys", coupon_keys), ("security.coupon_lookup_keys", lookup_keys)]).await;
        let node = app.nodes.last().unwrap();
        let mut issued = issue(&ann, node, deal).await;
        if unused.is_empty() {
            issued = in_form_1(&app, &issued).await;
        }
        known.extend(issued.clone());
        unused.push(issued.into_iter().collect());
        assert_eq!(shown_codes(&ann, node).await, known, "{period}");
        for coupons in &mut unused {
            let (id, code) = coupons.pop().unwrap();
            let scanned = format!("http://muster.example/c#{}", code.replace('-', ""));
            assert_eq!(redeem(&mo, node, &scanned).await, (201, id), "{period}: {code}");
        }
    }
    // Removing the first keys loses exactly the codes that depend on them.
    app.add_node(&[("security.coupon_keys", &coupon_key(2)), ("security.coupon_lookup_keys", &lookup_key(2))]).await;
    let node = app.nodes.last().unwrap();
    assert_eq!(shown_codes(&ann, node).await.len(), 6, "only the codes of coupon key 2 are shown");
    for (coupons, status) in unused.iter_mut().zip([404, 404, 404, 201, 201]) {
        let (_, code) = coupons.pop().unwrap();
        assert_eq!(redeem(&mo, node, &code).await.0, status, "{code}");
    }
    app.assert_clean().await;
}
