//! Coupons of tipped deals are redeemed at tills, repeated with their keys, and tried a second time.

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

const BETWEEN: Duration = Duration::from_millis(150);
const MOST_TRIES: u32 = 40;
/// Of a hundred redeemed coupons, so many are tried again.
const TRY_AGAIN: u32 = 30;

/// A coupon that was answered 201.
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

pub(super) async fn run(round: Arc<Round>, mut chance: StdRng) {
    while !round.is_over.load(Ordering::Relaxed) {
        tokio::time::sleep(BETWEEN.mul_f64(chance.random_range(0.0..2.0))).await;
        if let Some(coupon) = any_coupon(&round, &mut chance).await {
            redeem(&round, &coupon, &mut chance).await;
        }
    }
}

/// A coupon of some buyer, as that buyer sees it.
async fn any_coupon(round: &Round, chance: &mut StdRng) -> Option<Coupon> {
    let buyer = round.buyers.choose(chance)?;
    let url = round.url(round.any_node(chance), "/coupons?limit=20");
    let answer = round.http.get(url).bearer_auth(buyer.token.expose_secret()).send().await.ok()?;
    let page: Page = answer.error_for_status().ok()?.json().await.ok()?;
    let of_round = |coupon: &Coupon| coupon.state == "issued" && round.deal_of(coupon.deal).is_some();
    let coupons: Vec<Coupon> = page.data.into_iter().filter(of_round).collect();
    let at = chance.random_range(0..coupons.len().max(1));
    coupons.into_iter().nth(at)
}

async fn redeem(round: &Round, coupon: &Coupon, chance: &mut StdRng) {
    let key = uuid::Uuid::from_u128(chance.random()).to_string();
    let Some(End::Answered(answer, _)) = insist(round, coupon, &key, chance).await else { return };
    // Another till may have been faster.
    if answer.status != 201 {
        return;
    }
    let Some(id) = answer.coupon else { return };
    round.service.note("coupons redeemed");
    let is_known = {
        let mut redeemed = lock(&round.redeemed);
        let is_known = redeemed.iter().any(|redeemed| redeemed.coupon == id);
        redeemed.push(Redeemed { coupon: id });
        is_known
    };
    if is_known {
        round.service.doubled(format!("coupon {id} was redeemed twice"));
    }
    if chance.random_range(0..100) < TRY_AGAIN {
        let other = uuid::Uuid::from_u128(chance.random()).to_string();
        if let Some(End::Answered(again, node)) = insist(round, coupon, &other, chance).await
            && again.status == 201
        {
            round.service.doubled(format!("coupon {id} was redeemed again, by node {node}"));
        }
    }
}

/// Until the answer is final. Given up, nobody knows.
async fn insist(round: &Round, coupon: &Coupon, key: &str, chance: &mut StdRng) -> Option<End> {
    let merchant = &round.deal_of(coupon.deal)?.merchant;
    for _ in 0..MOST_TRIES {
        let node = round.any_node(chance);
        let post = round.http.post(round.url(node, "/redemptions")).header("Idempotency-Key", key);
        let post = post.bearer_auth(merchant.token.expose_secret());
        let answer = send(post.json(&serde_json::json!({ "code": coupon.code }))).await;
        if let Some(end) = round.judge(answer, node) {
            return Some(end);
        }
        tokio::time::sleep(BETWEEN * 2).await;
    }
    None
}
