use muster::domain::{DealState, JoinRequest, Progress, SignupId};
use rand::RngExt;

use super::{Harness, new_buyer, new_deal, open, request};
use crate::support::rng::seeded_rng;

/// After any calls in any order, the sums equal the holds, and the holds never exceed the free units.
#[tokio::test]
async fn the_stored_sums_always_equal_the_holds() {
    let (harness, mut rng) = (Harness::start().await, seeded_rng());
    for _ in 0..20 {
        let deal = new_deal();
        let cap = rng.random_range(5..40);
        let mut progress = Progress { cap: Some(cap), tipping_point: rng.random_range(1..=cap), ..open(deal) };
        harness.load(progress, &[]).await;
        let people: Vec<_> = (0..10).map(|_| new_buyer()).collect();
        let mut requests: Vec<JoinRequest> = Vec::new();
        for _ in 0..40 {
            let some: Vec<SignupId> = requests.iter().filter(|_| rng.random_bool(0.3)).map(|join| join.id).collect();
            match rng.random_range(0..6) {
                0..3 => {
                    let fresh = rng.random_range(1..8);
                    let mut batch: Vec<_> = (0..fresh)
                        .map(|_| request(deal, people[rng.random_range(0..10)], rng.random_range(1..4)))
                        .collect();
                    batch.extend(requests.iter().filter(|_| rng.random_bool(0.2)));
                    batch.push(batch[0]);
                    harness.admit(&batch).await;
                    requests.append(&mut batch);
                }
                3 => harness.quota.release(deal, &some).await,
                4 => harness.quota.renew(deal, &some).await,
                _ => {
                    for signup in &some {
                        if harness.quota.is_held(deal, *signup).await.unwrap() {
                            harness.expire_hold(deal, *signup).await;
                        }
                    }
                    progress.rev += 1;
                    harness.apply(progress, progress.rev - 1, &some[..some.len() / 2], &[]).await;
                }
            }
            let holds = harness.holds(deal).await;
            assert!(holds.units <= i64::from(cap), "at most {cap} units are held: {holds:?}");
        }
        let everything: Vec<_> = requests.iter().map(|join| join.id).collect();
        harness.quota.release(deal, &everything).await;
        let none = harness.holds(deal).await;
        assert_eq!((none.holds, none.units, none.new), (0, 0, 0));
    }
}

/// A script must not write -0: Redis does not read it as a number, so the next call would fail.
#[tokio::test]
async fn the_hold_of_a_known_buyer_is_released_like_any_other() {
    let (harness, deal, ann) = (Harness::start().await, new_deal(), new_buyer());
    harness.load(open(deal), &[muster::quota::BuyerUnits { buyer: ann, units: 1, rev: 1 }]).await;
    let again = request(deal, ann, 1);
    harness.admit(&[again]).await;
    assert_eq!(harness.holds(deal).await.holds, 1);
    harness.quota.release(deal, &[again.id]).await;
    assert_eq!(harness.quota.is_held(deal, again.id).await, Ok(false));
    assert!(harness.quota.is_online(), "no call failed");
}

#[tokio::test]
async fn a_deal_without_holds_admits_exactly_the_free_units() {
    let harness = Harness::start().await;
    let deal = new_deal();
    harness.load(Progress { state: DealState::Tipped, buyers: 50, units: 93, ..open(deal) }, &[]).await;
    let rush: Vec<_> = (0..20).map(|_| request(deal, new_buyer(), 1)).collect();
    let admitted = harness.admit(&rush).await.iter().filter(|a| **a == muster::quota::Answer::Admitted).count();
    assert_eq!(admitted, 7);
}
