use muster::domain::{DealState, JoinRequest, Progress, SignupId};
use rand::RngExt;

use super::{Table, new_deal, open, request, someone};
use crate::support::chance::chance;

/// After any calls in any order, the sums equal their parts, and no more is held than is free.
#[tokio::test]
async fn the_sums_of_the_holds_are_always_those_of_their_parts() {
    let (table, mut chance) = (Table::lay().await, chance());
    for _ in 0..20 {
        let deal = new_deal();
        let cap = chance.random_range(5..40);
        let mut progress = Progress { cap: Some(cap), tipping_point: chance.random_range(1..=cap), ..open(deal) };
        table.load(progress, &[]).await;
        let people: Vec<_> = (0..10).map(|_| someone()).collect();
        let mut asked: Vec<JoinRequest> = Vec::new();
        for _ in 0..40 {
            let some: Vec<SignupId> = asked.iter().filter(|_| chance.random_bool(0.3)).map(|join| join.id).collect();
            match chance.random_range(0..6) {
                0..3 => {
                    let fresh = chance.random_range(1..8);
                    let mut batch: Vec<_> = (0..fresh)
                        .map(|_| request(deal, people[chance.random_range(0..10)], chance.random_range(1..4)))
                        .collect();
                    batch.extend(asked.iter().filter(|_| chance.random_bool(0.2)));
                    batch.push(batch[0]);
                    table.admit(&batch).await;
                    asked.append(&mut batch);
                }
                3 => table.quota.release(deal, &some).await,
                4 => table.quota.renew(deal, &some).await,
                _ => {
                    for signup in &some {
                        if table.quota.is_held(deal, *signup).await.unwrap() {
                            table.end_hold(deal, *signup).await;
                        }
                    }
                    progress.rev += 1;
                    table.apply(progress, progress.rev - 1, &some[..some.len() / 2], &[]).await;
                }
            }
            let holds = table.holds(deal).await;
            assert!(holds.units <= i64::from(cap), "no more than {cap} is held: {holds:?}");
        }
        let everything: Vec<_> = asked.iter().map(|join| join.id).collect();
        table.quota.release(deal, &everything).await;
        let none = table.holds(deal).await;
        assert_eq!((none.holds, none.units, none.new), (0, 0, 0));
    }
}

/// A script must not write -0: Redis does not read it as a number, so the next call would fail.
#[tokio::test]
async fn the_hold_of_a_known_buyer_ends_like_any_other() {
    let (table, deal, ann) = (Table::lay().await, new_deal(), someone());
    table.load(open(deal), &[muster::quota::BuyerUnits { buyer: ann, units: 1, rev: 1 }]).await;
    let again = request(deal, ann, 1);
    table.admit(&[again]).await;
    assert_eq!(table.holds(deal).await.holds, 1);
    table.quota.release(deal, &[again.id]).await;
    assert_eq!(table.quota.is_held(deal, again.id).await, Ok(false));
    assert!(table.quota.is_online(), "nothing went wrong on the way");
}

#[tokio::test]
async fn a_deal_without_holds_admits_exactly_the_free_units() {
    let table = Table::lay().await;
    let deal = new_deal();
    table.load(Progress { state: DealState::Tipped, buyers: 50, units: 93, ..open(deal) }, &[]).await;
    let rush: Vec<_> = (0..20).map(|_| request(deal, someone(), 1)).collect();
    let admitted = table.admit(&rush).await.iter().filter(|a| **a == muster::quota::Answer::Admitted).count();
    assert_eq!(admitted, 7);
}
