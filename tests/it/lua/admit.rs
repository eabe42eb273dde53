use chrono::TimeDelta;
use muster::domain::{DealState, Progress, Refusal};
use muster::quota::{Answer, BuyerUnits};
use redis::AsyncCommands;

use super::table::{HOLD_TTL, now, snapshot};
use super::{Table, new_deal, open, request, someone};

/// At the version that [`open`] has.
const SOLD_OUT: Answer = Answer::sold_out(1, 1);

#[tokio::test]
async fn a_place_is_held_once_however_often_it_is_asked_for() {
    let table = Table::lay().await;
    let deal = new_deal();
    table.load(open(deal), &[]).await;
    let join = request(deal, someone(), 3);
    assert_eq!(table.ask(join).await, Answer::Admitted);
    let once = table.dump(deal).await;
    assert_eq!(table.ask(join).await, Answer::Admitted);
    assert_eq!(table.dump(deal).await, once);
    assert_eq!(table.holds(deal).await.units, 3);
}

#[tokio::test]
async fn the_same_signup_twice_in_one_call_is_one_hold_even_on_the_last_place() {
    let table = Table::lay().await;
    let deal = new_deal();
    table.load(Progress { cap: Some(1), tipping_point: 1, ..open(deal) }, &[]).await;
    let join = request(deal, someone(), 1);
    assert_eq!(table.admit(&[join, join, join]).await, [Answer::Admitted; 3]);
    assert_eq!(table.holds(deal).await.units, 1);
}

#[tokio::test]
async fn a_missing_deal_must_be_loaded_and_never_counts_as_empty() {
    let table = Table::lay().await;
    let deal = new_deal();
    assert!(table.asks_to_load(deal).await, "it never was there");
    let load = table.quota.begin_load(deal).await.unwrap();
    assert!(table.asks_to_load(deal).await, "it is being loaded");
    drop(load);
    let () = table.redis.clone().del(table.keys.quota(deal)).await.unwrap();
    table.load(open(deal), &[]).await;
    assert!(!table.asks_to_load(deal).await);

    let quota = table.keys.quota(deal);
    let () = table.redis.clone().hset(&quota, "run_id", "another-run").await.unwrap();
    assert!(table.asks_to_load(deal).await, "it was loaded into another run");
    let () = table.redis.clone().del(&quota).await.unwrap();
    assert!(table.asks_to_load(deal).await, "its key is gone");
    let untouched = request(deal, someone(), 1);
    table.quota.admit(deal, &[untouched], now().timestamp_millis()).await.unwrap();
    assert!(!table.quota.is_held(deal, untouched.id).await.unwrap(), "nothing is held when the answer is to load");
}

#[tokio::test]
async fn a_refusal_says_why() {
    let table = Table::lay().await;
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
        table.load(Progress { state, units: sold, ..open(deal) }, &[]).await;
        assert_eq!(table.ask(request(deal, someone(), units)).await, answer, "{units} more than {sold} of {state:?}");
        assert_eq!(table.holds(deal).await.holds, usize::from(answer == Answer::Admitted));
    }
}

#[tokio::test]
async fn the_window_has_two_seconds_of_slack_because_postgres_decides() {
    let table = Table::lay().await;
    let deal = new_deal();
    table.load(open(deal), &[]).await;
    let (opens, closes) = (snapshot(open(deal)).opens_at, open(deal).closes_at);
    let (slack, ms) = (TimeDelta::seconds(2), TimeDelta::milliseconds(1));
    let cases = [
        (opens - slack - ms, Answer::refused(Refusal::NotOpen)),
        (opens - slack, Answer::Admitted),
        (closes + slack - ms, Answer::Admitted),
        (closes + slack, Answer::refused(Refusal::Closed)),
    ];
    for (at, answer) in cases {
        assert_eq!(table.admit_at(&[request(deal, someone(), 1)], at).await, [answer], "at {at}");
    }
}

#[tokio::test]
async fn a_deal_without_a_cap_admits_any_number() {
    let table = Table::lay().await;
    let deal = new_deal();
    table.load(Progress { cap: None, ..open(deal) }, &[]).await;
    let rush: Vec<_> = (0..200).map(|_| request(deal, someone(), 1_000)).collect();
    assert_eq!(table.admit(&rush).await, vec![Answer::Admitted; 200]);
    assert_eq!(table.holds(deal).await.units, 200_000);
}

#[tokio::test]
async fn a_buyer_who_ever_had_a_signup_is_never_refused_by_redis() {
    let table = Table::lay().await;
    let deal = new_deal();
    let (holder, left) = (someone(), someone());
    let buyers = [BuyerUnits { buyer: holder, units: 2, rev: 5 }, BuyerUnits { buyer: left, units: 0, rev: 7 }];
    let full = Progress { state: DealState::Tipped, rev: 9, buyers: 40, units: 100, ..open(deal) };
    table.load(full, &buyers).await;
    let batch = [request(deal, holder, 1), request(deal, someone(), 1), request(deal, left, 1)];
    assert_eq!(table.admit(&batch).await, [Answer::Known, Answer::sold_out(1, 9), Answer::Known]);
    let late = now() + TimeDelta::days(2);
    assert_eq!(table.admit_at(&batch, late).await, [Answer::Known, Answer::refused(Refusal::Closed), Answer::Known]);
    assert_eq!(table.holds(deal).await.holds, 0, "nothing is held for them");
}

#[tokio::test]
async fn redis_refuses_nobody_while_it_lacks_changes() {
    let table = Table::lay().await;
    let deal = new_deal();
    table.load(open(deal), &[]).await;
    // A node recorded this buyer and died before it told Redis. Then another node sold the last place.
    let (unheard_of, last) = (someone(), someone());
    let full = Progress { rev: 3, state: DealState::Tipped, buyers: 50, units: 100, ..open(deal) };
    table.apply(full, 2, &[], &[BuyerUnits { buyer: last, units: 1, rev: 3 }]).await;
    let late = now() + TimeDelta::days(2);
    for at in [now(), late] {
        assert_eq!(table.admit_at(&[request(deal, unheard_of, 1)], at).await, [Answer::Known]);
    }
    table.apply(Progress { rev: 2, ..full }, 1, &[], &[BuyerUnits { buyer: unheard_of, units: 1, rev: 2 }]).await;
    let both = [request(deal, unheard_of, 1), request(deal, someone(), 1)];
    assert_eq!(table.admit(&both).await, [Answer::Known, Answer::sold_out(1, 3)]);
}

#[tokio::test]
async fn requests_of_a_batch_take_places_in_order_until_all_are_held() {
    let table = Table::lay().await;
    let deal = new_deal();
    table.load(Progress { state: DealState::Tipped, buyers: 50, units: 96, ..open(deal) }, &[]).await;
    let batch = [1, 2, 2, 1, 1, 4, 5].map(|units| request(deal, someone(), units));
    let (yes, held) = (Answer::Admitted, Answer::refused(Refusal::PlacesHeld));
    let answers = [yes, yes, held, yes, held, held, Answer::refused(Refusal::NotEnoughLeft { available: 4 })];
    assert_eq!(table.admit(&batch).await, answers);
    assert_eq!(table.holds(deal).await.units, 4);
}

#[tokio::test]
async fn while_a_deal_is_open_as_many_units_stay_free_as_buyers_are_needed() {
    let table = Table::lay().await;
    let deal = new_deal();
    table.load(Progress { cap: Some(5), tipping_point: 4, ..open(deal) }, &[]).await;
    assert_eq!(table.ask(request(deal, someone(), 3)).await, Answer::refused(Refusal::NotEnoughLeft { available: 2 }));
    assert_eq!(table.ask(request(deal, someone(), 2)).await, Answer::Admitted);
    // Three units for three more buyers: two for one of them could still become free, if the hold is given back.
    assert_eq!(table.ask(request(deal, someone(), 2)).await, Answer::refused(Refusal::PlacesHeld));
    for _ in 0..3 {
        assert_eq!(table.ask(request(deal, someone(), 1)).await, Answer::Admitted);
    }
    assert_eq!(table.ask(request(deal, someone(), 1)).await, Answer::refused(Refusal::PlacesHeld));
}

#[tokio::test]
async fn an_expired_hold_is_dropped_and_its_place_is_free() {
    let table = Table::lay().await;
    let deal = new_deal();
    table.load(Progress { cap: Some(10), tipping_point: 1, ..open(deal) }, &[]).await;
    let holder = request(deal, someone(), 10);
    assert_eq!(table.ask(holder).await, Answer::Admitted);
    assert_eq!(table.ask(request(deal, someone(), 1)).await, Answer::refused(Refusal::PlacesHeld));
    table.end_hold(deal, holder.id).await;
    assert_eq!(table.ask(request(deal, someone(), 10)).await, Answer::Admitted);
    assert_eq!(table.holds(deal).await.holds, 1);
}

/// A Redis that evicts drops keys one by one, so the figures may be there without their buyers.
#[tokio::test]
async fn a_deal_without_its_buyers_must_be_loaded() {
    let table = Table::lay().await;
    let deal = new_deal();
    let ann = BuyerUnits { buyer: someone(), units: 100, rev: 2 };
    let full = Progress { state: DealState::Tipped, units: 100, buyers: 10, rev: 2, ..open(deal) };
    table.load(full, &[ann]).await;
    let () = table.redis.clone().del(table.keys.buyers(deal)).await.unwrap();
    assert!(table.asks_to_load(deal).await);
    // A change that is applied meanwhile creates the key again, but it is not whole.
    let bob = BuyerUnits { buyer: someone(), units: 0, rev: 3 };
    table.apply(Progress { rev: 3, ..full }, 2, &[], &[bob]).await;
    assert!(table.asks_to_load(deal).await);
    table.load(Progress { rev: 3, ..full }, &[ann, bob]).await;
    assert_eq!(table.ask(request(deal, ann.buyer, 1)).await, Answer::Known);
}

#[tokio::test]
async fn holds_without_their_ends_hold_no_place() {
    let table = Table::lay().await;
    let deal = new_deal();
    table.load(Progress { cap: Some(10), tipping_point: 1, ..open(deal) }, &[]).await;
    let orphan = request(deal, someone(), 10);
    table.ask(orphan).await;
    assert_eq!(table.ask(request(deal, someone(), 1)).await, Answer::refused(Refusal::PlacesHeld));
    let () = table.redis.clone().del(table.keys.holds(deal)).await.unwrap();
    // Its node still renews it, which must not create an end for it alone.
    table.quota.renew(deal, &[orphan.id]).await;
    assert_eq!(table.ask(request(deal, someone(), 10)).await, Answer::Admitted);
    assert_eq!(table.holds(deal).await.units, 10);
}

#[tokio::test]
async fn many_expired_holds_are_dropped_a_few_at_a_time() {
    let table = Table::lay().await;
    let deal = new_deal();
    table.load(open(deal), &[]).await;
    let rush: Vec<_> = (0..80).map(|_| request(deal, someone(), 1)).collect();
    table.admit(&rush).await;
    for join in &rush {
        table.end_hold(deal, join.id).await;
    }
    for left in [49, 18, 3, 4] {
        table.ask(request(deal, someone(), 1)).await;
        assert_eq!(table.holds(deal).await.holds, left);
    }
}

#[tokio::test]
async fn holds_and_their_sums_end_together_and_after_the_last_hold() {
    let table = Table::lay().await;
    let deal = new_deal();
    table.load(open(deal), &[]).await;
    table.ask(request(deal, someone(), 1)).await;
    let mut redis = table.redis.clone();
    let ttl = i64::try_from(HOLD_TTL.as_millis()).unwrap();
    for key in [table.keys.holds(deal), table.keys.held(deal)] {
        let ends_in: i64 = redis.pttl(&key).await.unwrap();
        assert!(ends_in > ttl && ends_in <= 2 * ttl, "{key} ends in {ends_in} ms");
    }
}

#[tokio::test]
async fn while_its_cap_is_being_raised_nothing_is_sold_out_until_the_new_cap_is() {
    let table = Table::lay().await;
    let deal = new_deal();
    let full = Progress { state: DealState::Tipped, buyers: 50, units: 100, ..open(deal) };
    table.load(full, &[]).await;
    assert_eq!(table.ask(request(deal, someone(), 1)).await, SOLD_OUT);
    table.quota.announce_raise(deal, Some(101)).await.unwrap();
    let both = [request(deal, someone(), 1), request(deal, someone(), 101)];
    assert_eq!(table.admit(&both).await, [Answer::refused(Refusal::PlacesHeld), Answer::refused(Refusal::PlacesHeld)]);
    table.apply(Progress { rev: 2, cap: Some(101), ..full }, 1, &[], &[]).await;
    assert_eq!(table.ask(request(deal, someone(), 1)).await, Answer::Admitted);
    table.apply(Progress { rev: 3, cap: Some(101), units: 101, ..full }, 2, &[], &[]).await;
    assert_eq!(table.ask(request(deal, someone(), 1)).await, Answer::sold_out(1, 3), "as high as was told");
    table.quota.announce_raise(deal, None).await.unwrap();
    assert_eq!(table.ask(request(deal, someone(), 1)).await, Answer::refused(Refusal::PlacesHeld));
    let lasts = table.stays_ms(table.keys.raising(deal)).await;
    assert!((9_000..=10_000).contains(&lasts), "{lasts}");
}

/// A load deletes the keys of the deal, but not the one that says that its cap is being raised.
#[tokio::test]
async fn a_deal_that_is_loaded_while_its_cap_is_raised_is_not_sold_out() {
    let table = Table::lay().await;
    let deal = new_deal();
    table.quota.announce_raise(deal, Some(101)).await.unwrap();
    table.load(Progress { state: DealState::Tipped, buyers: 50, units: 100, ..open(deal) }, &[]).await;
    assert_eq!(table.ask(request(deal, someone(), 1)).await, Answer::refused(Refusal::PlacesHeld));
}

/// Two versions of Muster run side by side: neither deletes what the other loads.
#[tokio::test]
async fn another_schema_version_has_keys_of_its_own() {
    let table = Table::lay().await;
    let deal = new_deal();
    let keys = &table.keys;
    let of_before = |key: String| key.replace(":2:{", ":{");
    let ours = [keys.quota(deal), keys.buyers(deal), keys.holds(deal), keys.held(deal), keys.ranges(deal)];
    let theirs = ours.clone().map(of_before);
    assert!(ours.iter().all(|key| !theirs.contains(key)), "{ours:?}");
    assert_eq!(keys.channel(deal), of_before(keys.channel(deal)), "but both publish and hear the same messages");
    assert!(ours.iter().chain(&theirs).all(|key| keys.is_ours(key)), "and the audit knows both");
}
