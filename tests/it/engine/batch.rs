//! `commit_signups` and `commit_leaves` called directly: the result of a whole batch, also under concurrency.

use muster::domain::{DealState, JoinRequest, Refusal};
use muster::store::{DecidedJoin, Decision, LaneConnection, LeaveDecision};

use crate::support::people::join_request;
use crate::support::{self};

async fn commit(lane: &mut LaneConnection, batch: &[JoinRequest]) -> Vec<DecidedJoin> {
    lane.commit_signups(batch).await.unwrap().rows
}

fn decisions(rows: &[DecidedJoin]) -> String {
    let word = |decision| match decision {
        Decision::Refused(refusal) => refusal.word().to_owned(),
        other => format!("{other:?}"),
    };
    rows.iter().map(|row| word(row.decision)).collect::<Vec<_>>().join(" ")
}

#[tokio::test]
async fn a_batch_is_decided_in_order_per_deal_and_per_buyer() {
    let app = support::app().start().await;
    let mo = app.merchant("Mo").await;
    let people = app.people("Pat", 4).await;
    let deal = app.deal(&mo).tipping_point(2).cap(6).per_buyer_max(3).publish().await.id;
    let other = app.deal(&mo).tipping_point(1).cap(1).publish().await.id;
    let [ann, bob, cleo, dan] = [&people[0], &people[1], &people[2], &people[3]];
    let batch = [
        join_request(ann, deal, 2, "a"),
        join_request(bob, other, 1, "a"),
        join_request(ann, deal, 2, "b"), // over her limit, counting the units of this batch
        join_request(ann, deal, 1, "c"),
        join_request(cleo, other, 1, "a"), // the second row took the last unit
        join_request(ann, deal, 2, "a"),   // a double click
        join_request(ann, deal, 1, "a"),   // the same key for other units
        join_request(bob, deal, 2, "a"),   // tips
        join_request(dan, deal, 2, "a"),
        join_request(dan, deal, 1, "b"),
        join_request(cleo, deal, 1, "a"),
    ];
    let mut lane = app.store.lane_connection();
    let decided = lane.commit_signups(&batch).await.unwrap();
    let expected = "Ok Ok buyer_limit Ok sold_out Replay key_reused Ok not_enough_left Ok sold_out";
    assert_eq!(decisions(&decided.rows), expected);
    let numbers: Vec<_> = decided.rows.iter().map(|row| row.number).collect();
    assert_eq!(numbers, [1, 1, 0, 1, 0, 1, 1, 2, 0, 3, 0]);
    assert_eq!(decided.rows[2].decision, Decision::Refused(Refusal::BuyerLimit { max: 3 }));
    assert_eq!(decided.rows[8].decision, Decision::Refused(Refusal::NotEnoughLeft { available: 1 }));
    for figures in &decided.figures {
        assert_eq!(figures.progress, app.progress(figures.progress.deal).await);
    }
    let of_deal = decided.figures.iter().find(|figures| figures.progress.deal == deal).unwrap();
    assert_eq!((of_deal.rev_before, of_deal.progress.rev), (2, 6), "one rev for each signup");
    assert_eq!(of_deal.progress.state, DealState::Tipped);

    // The same batch again, as after a lost reply: every accepted row is a replay, and nothing changes.
    let before = app.backend.dump().await;
    let again = commit(&mut lane, &batch).await;
    let expected = "Replay Replay buyer_limit Replay sold_out Replay key_reused Replay sold_out Replay sold_out";
    assert_eq!(decisions(&again), expected);
    assert_eq!(again.iter().map(|row| row.number).collect::<Vec<_>>(), numbers);
    assert_eq!(app.backend.dump().await, before);
    app.settle_now().await;
    app.assert_clean().await;
}

#[tokio::test]
async fn buyers_who_rejoin_after_leaving_are_counted_again() {
    let app = support::app().start().await;
    let (mo, ann) = (app.merchant("Mo").await, app.buyer("Ann").await);
    let deal = app.deal(&mo).tipping_point(2).cap(2).publish().await.id;
    let mut lane = app.store.lane_connection();
    let first = join_request(&ann, deal, 1, "a");
    commit(&mut lane, &[first]).await;
    let leave = [(first.id, deal, ann.id), (first.id, deal, ann.id)];
    let left = lane.commit_leaves(&leave).await.unwrap();
    let decided: Vec<_> = left.rows.iter().map(|row| (row.decision, row.buyer_units)).collect();
    assert_eq!(decided, [(LeaveDecision::Left, Some((0, 4))); 2]);
    assert_eq!((left.figures[0].rev_before, left.figures[0].progress.rev), (3, 4));
    let again = lane.commit_leaves(&leave).await.unwrap();
    assert_eq!((again.figures[0].rev_before, again.figures[0].progress.rev), (4, 4));
    let rows = commit(&mut lane, &[join_request(&ann, deal, 1, "b"), join_request(&ann, deal, 1, "c")]).await;
    assert_eq!(decisions(&rows), "Ok not_enough_left", "one unit stays for the second buyer");
    assert_eq!(app.counts(deal).await, (1, 1));
    app.assert_clean().await;
}

/// A single statement would check the limits on a snapshot from before it waited for the lock.
#[tokio::test]
async fn a_batch_that_waited_for_another_sees_what_it_wrote() {
    let app = support::app().start().await;
    let (mo, ann) = (app.merchant("Mo").await, app.buyer("Ann").await);
    let deal = app.deal(&mo).tipping_point(1).per_buyer_max(2).publish().await.id;
    let lock = app.backend.lock_deal(deal).await;
    let [mut one, mut two] = [app.store.lane_connection(), app.store.lane_connection()];
    let (first, second) = ([join_request(&ann, deal, 2, "a")], [join_request(&ann, deal, 2, "b")]);
    let unlock = async {
        support::fault::wait_until("both wait", async || app.backend.waiting_for_locks().await == 2).await;
        lock.unlock().await;
    };
    let (first, second, ()) = tokio::join!(commit(&mut one, &first), commit(&mut two, &second), unlock);
    let both = decisions(&[first, second].concat());
    assert!(both == "Ok buyer_limit" || both == "buyer_limit Ok", "{both}");
    assert_eq!(app.counts(deal).await, (1, 2));
    app.settle_now().await;
    app.assert_clean().await;
}

/// A function that locked deals in the order of its arguments would deadlock in this test.
#[tokio::test]
async fn batches_of_the_same_deals_in_opposite_orders_never_deadlock() {
    let app = support::app().start().await;
    let mo = app.merchant("Mo").await;
    let people = app.people("Pat", 2).await;
    let deals =
        [app.deal(&mo).per_buyer_max(1_000).publish().await.id, app.deal(&mo).per_buyer_max(1_000).publish().await.id];
    app.backend.sql(&format!("ALTER DATABASE {} SET deadlock_timeout = '10ms'", app.backend.name)).await;
    let lanes = people.into_iter().enumerate().map(|(n, person)| {
        let mut lane = app.store.lane_connection();
        async move {
            for round in 0..100 {
                let mut batch: Vec<_> =
                    deals.iter().map(|deal| join_request(&person, *deal, 1, &format!("{round}"))).collect();
                batch.rotate_left(n);
                lane.commit_signups(&batch).await.unwrap();
            }
        }
    });
    support::race::run_concurrently(lanes).await;
    for deal in deals {
        assert_eq!(app.counts(deal).await, (2, 200));
    }
    app.assert_clean().await;
}
