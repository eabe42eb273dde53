use chrono::TimeDelta;
use muster::domain::{DealState, Progress, Refusal};
use muster::quota::{Answer, BuyerUnits};
use redis::AsyncCommands;

use super::harness::{HOLD_TTL, now, snapshot};
use super::{Harness, new_buyer, new_deal, open, request};

/// The refusal by a deal that is sold out at the version of [`open`].
const SOLD_OUT: Answer = Answer::sold_out(1, 1);

#[tokio::test]
async fn units_are_held_once_however_often_the_same_join_is_admitted() {
    let harness = Harness::start().await;
    let deal = new_deal();
    harness.load(open(deal), &[]).await;
    let join = request(deal, new_buyer(), 3);
    assert_eq!(harness.admit_one(join).await, Answer::Admitted);
    let after_first_call = harness.dump(deal).await;
    assert_eq!(harness.admit_one(join).await, Answer::Admitted);
    assert_eq!(harness.dump(deal).await, after_first_call);
    assert_eq!(harness.holds(deal).await.units, 3);
}

#[tokio::test]
async fn one_signup_repeated_in_a_call_is_one_hold_even_on_the_last_unit() {
    let harness = Harness::start().await;
    let deal = new_deal();
    harness.load(Progress { cap: Some(1), tipping_point: 1, ..open(deal) }, &[]).await;
    let join = request(deal, new_buyer(), 1);
    assert_eq!(harness.admit(&[join, join, join]).await, [Answer::Admitted; 3]);
    assert_eq!(harness.holds(deal).await.units, 1);
}

#[tokio::test]
async fn a_missing_deal_must_be_loaded_and_never_counts_as_empty() {
    let harness = Harness::start().await;
    let deal = new_deal();
    assert!(harness.must_be_loaded(deal).await, "the deal was never loaded");
    let load = harness.quota.begin_load(deal).await.unwrap();
    assert!(harness.must_be_loaded(deal).await, "the deal is being loaded");
    drop(load);
    let () = harness.redis.clone().del(harness.keys.quota(deal)).await.unwrap();
    harness.load(open(deal), &[]).await;
    assert!(!harness.must_be_loaded(deal).await);

    let quota = harness.keys.quota(deal);
    let () = harness.redis.clone().hset(&quota, "run_id", "another-run").await.unwrap();
    assert!(harness.must_be_loaded(deal).await, "the deal was loaded into another run");
    let () = harness.redis.clone().del(&quota).await.unwrap();
    assert!(harness.must_be_loaded(deal).await, "the deal's key is missing");
    let not_admitted = request(deal, new_buyer(), 1);
    harness.quota.admit(deal, &[not_admitted], now().timestamp_millis()).await.unwrap();
    assert!(!harness.quota.is_held(deal, not_admitted.id).await.unwrap(), "no hold if the deal must be loaded");
}

#[tokio::test]
async fn the_state_and_the_units_left_decide_the_answer() {
    let harness = Harness::start().await;
    let cases = [
        (DealState::Tipped, 100, 1, SOLD_OUT),
        (DealState::Tipped, 100, 3, SOLD_OUT),
        (DealState::Tipped, 98, 3, Answer::refused(Refusal::NotEnoughLeft { available: 2 })),
        (DealState::Tipped, 98, 2, Answer::Admitted),
        (DealState::Succeeded, 50, 1, Answer::refused(Refusal::Closed)),
        (DealState::Failed, 5, 1, Answer::refused(Refusal::Closed)),
        (DealState::Withdrawn, 5, 1, Answer::refused(Refusal::Closed)),
    ];
    for (state, sold, units, answer) in cases {
        let deal = new_deal();
        harness.load(Progress { state, units: sold, ..open(deal) }, &[]).await;
        assert_eq!(
            harness.admit_one(request(deal, new_buyer(), units)).await,
            answer,
            "{units} units of a deal that is {state:?} and sold {sold}"
        );
        assert_eq!(harness.holds(deal).await.holds, usize::from(answer == Answer::Admitted));
    }
}

#[tokio::test]
async fn the_window_has_two_seconds_of_slack_because_postgres_decides() {
    let harness = Harness::start().await;
    let deal = new_deal();
    harness.load(open(deal), &[]).await;
    let (opens, closes) = (snapshot(open(deal)).opens_at, open(deal).closes_at);
    let (slack, ms) = (TimeDelta::seconds(2), TimeDelta::milliseconds(1));
    let cases = [
        (opens - slack - ms, Answer::refused(Refusal::NotOpen)),
        (opens - slack, Answer::Admitted),
        (closes + slack - ms, Answer::Admitted),
        (closes + slack, Answer::refused(Refusal::Closed)),
    ];
    for (at, answer) in cases {
        assert_eq!(harness.admit_at(&[request(deal, new_buyer(), 1)], at).await, [answer], "at {at}");
    }
}

#[tokio::test]
async fn a_deal_without_a_cap_admits_any_number() {
    let harness = Harness::start().await;
    let deal = new_deal();
    harness.load(Progress { cap: None, ..open(deal) }, &[]).await;
    let requests: Vec<_> = (0..200).map(|_| request(deal, new_buyer(), 1_000)).collect();
    assert_eq!(harness.admit(&requests).await, vec![Answer::Admitted; 200]);
    assert_eq!(harness.holds(deal).await.units, 200_000);
}

#[tokio::test]
async fn a_buyer_who_ever_had_a_signup_is_never_refused_by_redis() {
    let harness = Harness::start().await;
    let deal = new_deal();
    let (holder, departed) = (new_buyer(), new_buyer());
    let buyers = [BuyerUnits { buyer: holder, units: 2, rev: 5 }, BuyerUnits { buyer: departed, units: 0, rev: 7 }];
    let sold_out = Progress { state: DealState::Tipped, rev: 9, buyers: 40, units: 100, ..open(deal) };
    harness.load(sold_out, &buyers).await;
    let batch = [request(deal, holder, 1), request(deal, new_buyer(), 1), request(deal, departed, 1)];
    assert_eq!(harness.admit(&batch).await, [Answer::Known, Answer::sold_out(1, 9), Answer::Known]);
    let late = now() + TimeDelta::days(2);
    assert_eq!(harness.admit_at(&batch, late).await, [Answer::Known, Answer::refused(Refusal::Closed), Answer::Known]);
    assert_eq!(harness.holds(deal).await.holds, 0, "no request took a hold");
}

#[tokio::test]
async fn no_join_is_refused_while_redis_lacks_changes() {
    let harness = Harness::start().await;
    let deal = new_deal();
    harness.load(open(deal), &[]).await;
    // One node recorded this buyer and died before it updated Redis. After that, another node sold the last unit.
    let (unknown_to_redis, last_buyer) = (new_buyer(), new_buyer());
    let sold_out = Progress { rev: 3, state: DealState::Tipped, buyers: 50, units: 100, ..open(deal) };
    harness.apply(sold_out, 2, &[], &[BuyerUnits { buyer: last_buyer, units: 1, rev: 3 }]).await;
    let late = now() + TimeDelta::days(2);
    for at in [now(), late] {
        assert_eq!(harness.admit_at(&[request(deal, unknown_to_redis, 1)], at).await, [Answer::Known]);
    }
    harness
        .apply(Progress { rev: 2, ..sold_out }, 1, &[], &[BuyerUnits { buyer: unknown_to_redis, units: 1, rev: 2 }])
        .await;
    let both = [request(deal, unknown_to_redis, 1), request(deal, new_buyer(), 1)];
    assert_eq!(harness.admit(&both).await, [Answer::Known, Answer::sold_out(1, 3)]);
}

#[tokio::test]
async fn requests_of_a_batch_take_units_in_order_until_all_are_held() {
    let harness = Harness::start().await;
    let deal = new_deal();
    harness.load(Progress { state: DealState::Tipped, buyers: 50, units: 96, ..open(deal) }, &[]).await;
    let batch = [1, 2, 2, 1, 1, 4, 5].map(|units| request(deal, new_buyer(), units));
    let (admitted, places_held) = (Answer::Admitted, Answer::refused(Refusal::PlacesHeld));
    let answers = [
        admitted,
        admitted,
        places_held,
        admitted,
        places_held,
        places_held,
        Answer::refused(Refusal::NotEnoughLeft { available: 4 }),
    ];
    assert_eq!(harness.admit(&batch).await, answers);
    assert_eq!(harness.holds(deal).await.units, 4);
}

#[tokio::test]
async fn an_open_deal_keeps_one_unit_free_for_each_buyer_needed() {
    let harness = Harness::start().await;
    let deal = new_deal();
    harness.load(Progress { cap: Some(5), tipping_point: 4, ..open(deal) }, &[]).await;
    assert_eq!(
        harness.admit_one(request(deal, new_buyer(), 3)).await,
        Answer::refused(Refusal::NotEnoughLeft { available: 2 })
    );
    assert_eq!(harness.admit_one(request(deal, new_buyer(), 2)).await, Answer::Admitted);
    // Three units are left for three more buyers. One of them could still get two, if the hold is released.
    assert_eq!(harness.admit_one(request(deal, new_buyer(), 2)).await, Answer::refused(Refusal::PlacesHeld));
    for _ in 0..3 {
        assert_eq!(harness.admit_one(request(deal, new_buyer(), 1)).await, Answer::Admitted);
    }
    assert_eq!(harness.admit_one(request(deal, new_buyer(), 1)).await, Answer::refused(Refusal::PlacesHeld));
}

#[tokio::test]
async fn an_expired_hold_is_dropped_and_its_units_are_free() {
    let harness = Harness::start().await;
    let deal = new_deal();
    harness.load(Progress { cap: Some(10), tipping_point: 1, ..open(deal) }, &[]).await;
    let holder = request(deal, new_buyer(), 10);
    assert_eq!(harness.admit_one(holder).await, Answer::Admitted);
    assert_eq!(harness.admit_one(request(deal, new_buyer(), 1)).await, Answer::refused(Refusal::PlacesHeld));
    harness.expire_hold(deal, holder.id).await;
    assert_eq!(harness.admit_one(request(deal, new_buyer(), 10)).await, Answer::Admitted);
    assert_eq!(harness.holds(deal).await.holds, 1);
}

/// An evicting Redis drops keys one by one, so the figures may exist without the buyers.
#[tokio::test]
async fn a_deal_whose_buyers_were_evicted_must_be_loaded() {
    let harness = Harness::start().await;
    let deal = new_deal();
    let ann = BuyerUnits { buyer: new_buyer(), units: 100, rev: 2 };
    let sold_out = Progress { state: DealState::Tipped, units: 100, buyers: 10, rev: 2, ..open(deal) };
    harness.load(sold_out, &[ann]).await;
    let () = harness.redis.clone().del(harness.keys.buyers(deal)).await.unwrap();
    assert!(harness.must_be_loaded(deal).await);
    // A change that is applied before the load creates the key again, but incomplete.
    let bob = BuyerUnits { buyer: new_buyer(), units: 0, rev: 3 };
    harness.apply(Progress { rev: 3, ..sold_out }, 2, &[], &[bob]).await;
    assert!(harness.must_be_loaded(deal).await);
    harness.load(Progress { rev: 3, ..sold_out }, &[ann, bob]).await;
    assert_eq!(harness.admit_one(request(deal, ann.buyer, 1)).await, Answer::Known);
}

#[tokio::test]
async fn holds_without_their_expiries_reserve_nothing() {
    let harness = Harness::start().await;
    let deal = new_deal();
    harness.load(Progress { cap: Some(10), tipping_point: 1, ..open(deal) }, &[]).await;
    let orphan = request(deal, new_buyer(), 10);
    harness.admit_one(orphan).await;
    assert_eq!(harness.admit_one(request(deal, new_buyer(), 1)).await, Answer::refused(Refusal::PlacesHeld));
    let () = harness.redis.clone().del(harness.keys.holds(deal)).await.unwrap();
    // The node that took the hold still renews it, which must not create the key again.
    harness.quota.renew(deal, &[orphan.id]).await;
    assert_eq!(harness.admit_one(request(deal, new_buyer(), 10)).await, Answer::Admitted);
    assert_eq!(harness.holds(deal).await.units, 10);
}

#[tokio::test]
async fn many_expired_holds_are_dropped_a_few_at_a_time() {
    let harness = Harness::start().await;
    let deal = new_deal();
    harness.load(open(deal), &[]).await;
    let requests: Vec<_> = (0..80).map(|_| request(deal, new_buyer(), 1)).collect();
    harness.admit(&requests).await;
    for join in &requests {
        harness.expire_hold(deal, join.id).await;
    }
    // Each call drops at most 32 expired holds and takes one.
    for remaining in [49, 18, 3, 4] {
        harness.admit_one(request(deal, new_buyer(), 1)).await;
        assert_eq!(harness.holds(deal).await.holds, remaining);
    }
}

#[tokio::test]
async fn the_keys_of_the_holds_expire_together_after_the_last_hold() {
    let harness = Harness::start().await;
    let deal = new_deal();
    harness.load(open(deal), &[]).await;
    harness.admit_one(request(deal, new_buyer(), 1)).await;
    let mut redis = harness.redis.clone();
    let ttl = i64::try_from(HOLD_TTL.as_millis()).unwrap();
    for key in [harness.keys.holds(deal), harness.keys.held(deal)] {
        let expires_in: i64 = redis.pttl(&key).await.unwrap();
        assert!(expires_in > ttl && expires_in <= 2 * ttl, "{key} expires in {expires_in} ms");
    }
}

#[tokio::test]
async fn a_deal_is_not_sold_out_while_its_cap_is_being_raised() {
    let harness = Harness::start().await;
    let deal = new_deal();
    let sold_out = Progress { state: DealState::Tipped, buyers: 50, units: 100, ..open(deal) };
    harness.load(sold_out, &[]).await;
    assert_eq!(harness.admit_one(request(deal, new_buyer(), 1)).await, SOLD_OUT);
    harness.quota.announce_raise(deal, Some(101)).await.unwrap();
    let both = [request(deal, new_buyer(), 1), request(deal, new_buyer(), 101)];
    assert_eq!(
        harness.admit(&both).await,
        [Answer::refused(Refusal::PlacesHeld), Answer::refused(Refusal::PlacesHeld)]
    );
    harness.apply(Progress { rev: 2, cap: Some(101), ..sold_out }, 1, &[], &[]).await;
    assert_eq!(harness.admit_one(request(deal, new_buyer(), 1)).await, Answer::Admitted);
    harness.apply(Progress { rev: 3, cap: Some(101), units: 101, ..sold_out }, 2, &[], &[]).await;
    assert_eq!(
        harness.admit_one(request(deal, new_buyer(), 1)).await,
        Answer::sold_out(1, 3),
        "the announced raise is complete"
    );
    harness.quota.announce_raise(deal, None).await.unwrap();
    assert_eq!(harness.admit_one(request(deal, new_buyer(), 1)).await, Answer::refused(Refusal::PlacesHeld));
    let ttl_ms = harness.ttl_ms(harness.keys.raising(deal)).await;
    assert!((1..=10_000).contains(&ttl_ms), "{ttl_ms}");
}

/// A load deletes the keys of the deal, but not the key that announces a raise of its cap.
#[tokio::test]
async fn a_deal_loaded_while_its_cap_is_being_raised_is_not_sold_out() {
    let harness = Harness::start().await;
    let deal = new_deal();
    harness.quota.announce_raise(deal, Some(101)).await.unwrap();
    harness.load(Progress { state: DealState::Tipped, buyers: 50, units: 100, ..open(deal) }, &[]).await;
    assert_eq!(harness.admit_one(request(deal, new_buyer(), 1)).await, Answer::refused(Refusal::PlacesHeld));
}
