//! Cashiers redeem coupons of tipped deals, retry with the same key, and try to redeem some of them twice.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use rand::RngExt;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use secrecy::ExposeSecret;
use serde::Deserialize;

use super::call::{End, send};
use super::{Round, lock};
use crate::domain::DealId;

const INTERVAL: Duration = Duration::from_millis(150);
const TRIES_MAX: u32 = 40;
/// Percentage of redeemed coupons that are tried a second time with another key.
const TRY_AGAIN: u32 = 30;

/// A coupon whose redemption was answered 201.
pub(super) struct Redeemed {
    pub(super) coupon: uuid::Uuid,
}

#[derive(Deserialize)]
struct Page {
    data: Vec<Coupon>,
}

#[derive(Deserialize)]
struct Coupon {
    deal: DealId,
    code: String,
    state: String,
}

pub(super) async fn run(round: Arc<Round>, mut rng: StdRng) {
    while !round.is_over.load(Ordering::Relaxed) {
        tokio::time::sleep(INTERVAL.mul_f64(rng.random_range(0.0..2.0))).await;
        if let Some(coupon) = any_coupon(&round, &mut rng).await {
            redeem(&round, &coupon, &mut rng).await;
        }
    }
}

/// A random unredeemed coupon of a random buyer.
async fn any_coupon(round: &Round, rng: &mut StdRng) -> Option<Coupon> {
    let buyer = round.buyers.choose(rng)?;
    let url = round.url(round.any_node(rng), "/coupons?limit=20");
    let answer = round.http.get(url).bearer_auth(buyer.token.expose_secret()).send().await.ok()?;
    let page: Page = answer.error_for_status().ok()?.json().await.ok()?;
    let of_round = |coupon: &Coupon| coupon.state == "issued" && round.deal_of(coupon.deal).is_some();
    let coupons: Vec<Coupon> = page.data.into_iter().filter(of_round).collect();
    let at = rng.random_range(0..coupons.len().max(1));
    coupons.into_iter().nth(at)
}

async fn redeem(round: &Round, coupon: &Coupon, rng: &mut StdRng) {
    let key = uuid::Uuid::from_u128(rng.random()).to_string();
    let Some(End::Answered(answer, _)) = redeem_with_retries(round, coupon, &key, rng).await else { return };
    // Another cashier may have redeemed the coupon first.
    if answer.status != 201 {
        return;
    }
    let Some(id) = answer.coupon else { return };
    round.observations.note("coupons redeemed");
    let is_known = {
        let mut redeemed = lock(&round.redeemed);
        let is_known = redeemed.iter().any(|redeemed| redeemed.coupon == id);
        redeemed.push(Redeemed { coupon: id });
        is_known
    };
    if is_known {
        round.observations.doubled(format!("coupon {id} was redeemed twice"));
    }
    if rng.random_range(0..100) < TRY_AGAIN {
        let other = uuid::Uuid::from_u128(rng.random()).to_string();
        if let Some(End::Answered(again, node)) = redeem_with_retries(round, coupon, &other, rng).await
            && again.status == 201
        {
            round.observations.doubled(format!("coupon {id} was redeemed again, by node {node}"));
        }
    }
}

/// Redeems a coupon, with retries. Returns `None` if there was no final answer.
async fn redeem_with_retries(round: &Round, coupon: &Coupon, key: &str, rng: &mut StdRng) -> Option<End> {
    let merchant = &round.deal_of(coupon.deal)?.merchant;
    for _ in 0..TRIES_MAX {
        let node = round.any_node(rng);
        let post = round.http.post(round.url(node, "/redemptions")).header("Idempotency-Key", key);
        let post = post.bearer_auth(merchant.token.expose_secret());
        let answer = send(post.json(&serde_json::json!({ "code": coupon.code }))).await;
        if let Some(end) = round.end_if_final(answer, node) {
            return Some(end);
        }
        tokio::time::sleep(INTERVAL * 2).await;
    }
    None
}
