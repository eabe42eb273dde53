use std::collections::HashSet;

use muster::domain::{DealState, JoinOutcome, LeaveOutcome};

use crate::support::fault::wait_until;
use crate::support::outcomes::joined;
use crate::support::people::join_request;
use crate::support::race::run_concurrently;
use crate::support::{self};

#[tokio::test]
async fn a_deal_tips_once_under_concurrent_joins() {
    let app = support::app().nodes(2).with_workers().start().await;
    let mo = app.merchant("Mo").await;
    let people = app.people("Pat", 60).await;
    for tipping_point in [1, 30, 60] {
        let deal = app.deal(&mo).tipping_point(tipping_point).publish().await.id;
        let racers: Vec<_> = people
            .iter()
            .enumerate()
            .map(|(n, person)| {
                let (engine, request) = (app.nodes[n % 2].engine.clone(), join_request(person, deal, 1, "a"));
                async move { joined(engine.join(request).await).number }
            })
            .collect();
        let numbers: HashSet<u32> = run_concurrently(racers).await.into_iter().collect();
        assert_eq!(numbers, (1..=60).collect());
        assert_eq!(app.progress(deal).await.state, DealState::Tipped);
        let events = format!("SELECT count(*) FROM outbox WHERE key = 'tip:{deal}'");
        assert_eq!(app.backend.query_i64(&events).await, 1);
    }
    app.settle_now().await;
    assert_eq!(app.backend.query_i64("SELECT count(*) FROM coupons").await, 180);
    app.assert_clean().await;
}

/// Ann leaves while Bob's join tips the deal: whichever comes first wins.
#[tokio::test]
async fn a_leave_racing_the_tip_either_succeeds_or_is_refused() {
    let app = support::app().nodes(2).start().await;
    let mo = app.merchant("Mo").await;
    let (ann, bob) = (app.buyer("Ann").await, app.buyer("Bob").await);
    for round in 0..20 {
        let deal = app.deal(&mo).tipping_point(2).publish().await.id;
        let anns = joined(app.engine_join(&ann, deal, 1, "a").await).id;
        let (leaves, joins) = (app.nodes[round % 2].engine.clone(), app.nodes[1].engine.clone());
        let request = join_request(&bob, deal, 1, "a");
        let ann_id = ann.id;
        let leave = tokio::spawn(async move { leaves.leave(ann_id, anns).await });
        let join = tokio::spawn(async move { joins.join(request).await });
        let (left, outcome) = (leave.await.unwrap(), join.await.unwrap());
        assert!(matches!(outcome, JoinOutcome::Joined(_)), "{outcome:?}");
        let progress = app.progress(deal).await;
        let expected = match left {
            LeaveOutcome::Left => (DealState::Open, 1),
            LeaveOutcome::AlreadyTipped => (DealState::Tipped, 2),
            other => panic!("{other:?}"),
        };
        assert_eq!((progress.state, progress.buyers), expected);
    }
    app.settle_now().await;
    app.assert_clean().await;
}

/// Ann leaves and Bob's join tips the deal while it is locked: whichever waits first is decided first.
#[tokio::test]
async fn a_leave_succeeds_before_the_tip_and_is_refused_after_it() {
    let app = support::app().nodes(2).with("lanes.lock_timeout_ms", "60000").start().await;
    let mo = app.merchant("Mo").await;
    let (ann, bob) = (app.buyer("Ann").await, app.buyer("Bob").await);
    for (round, leave_is_first) in [true, false, true, false].into_iter().enumerate() {
        let deal = app.deal(&mo).tipping_point(2).publish().await.id;
        let anns = joined(app.engine_join(&ann, deal, 1, "a").await).id;
        let (leaves, joins) = (app.nodes[round / 2].engine.clone(), app.nodes[1 - round / 2].engine.clone());
        let (buyer, request) = (ann.id, join_request(&bob, deal, 1, "a"));
        let leave = async move { leaves.leave(buyer, anns).await };
        let join = async move { joins.join(request).await };
        let locked = app.backend.lock_deal(deal).await;
        let one_waits = || wait_until("the first one waits", async || app.backend.waiting_for_locks().await == 1);
        let (leave, join) = if leave_is_first {
            let leave = tokio::spawn(leave);
            one_waits().await;
            (leave, tokio::spawn(join))
        } else {
            let join = tokio::spawn(join);
            one_waits().await;
            (tokio::spawn(leave), join)
        };
        wait_until("both wait", async || app.backend.waiting_for_locks().await == 2).await;
        locked.unlock().await;
        let (left, join) = (leave.await.unwrap(), join.await.unwrap());
        let number = joined(join).number;
        let progress = app.progress(deal).await;
        let (expected_leave, expected) = if leave_is_first {
            (LeaveOutcome::Left, (DealState::Open, 1))
        } else {
            (LeaveOutcome::AlreadyTipped, (DealState::Tipped, 2))
        };
        assert_eq!((left, (progress.state, progress.buyers)), (expected_leave, expected), "round {round}");
        assert_eq!(number, expected.1, "round {round}");
    }
    app.settle_now().await;
    app.assert_clean().await;
}

/// Early buyers leave while others join just below the tipping point. The deal may tip or not, but a buyer who left is
/// not counted, and nobody leaves after the tip.
#[tokio::test]
async fn leaves_racing_joins_around_the_tipping_point_never_untip_a_deal() {
    let app = support::app().nodes(3).with("lanes.batch_max", "2").start().await;
    let mo = app.merchant("Mo").await;
    let people = app.people("Pat", 24).await;
    let (early, late) = people.split_at(12);
    for round in 0..10 {
        let deal = app.deal(&mo).tipping_point(14).publish().await.id;
        let mut signups = Vec::new();
        for person in early {
            signups.push(joined(app.engine_join(person, deal, 1, "a").await).id);
        }
        let (mut leaves, mut joins) = (Vec::new(), Vec::new());
        for (n, ((leaver, signup), joiner)) in early.iter().zip(signups).zip(late).enumerate() {
            let (engine, request) = (app.nodes[n % 3].engine.clone(), join_request(joiner, deal, 1, "a"));
            joins.push(tokio::spawn(async move { joined(engine.join(request).await) }));
            let (engine, buyer) = (app.nodes[(n + round) % 3].engine.clone(), leaver.id);
            leaves.push(tokio::spawn(async move { engine.leave(buyer, signup).await }));
        }
        let (mut left, mut stayed) = (0, 0);
        for leave in leaves {
            match leave.await.unwrap() {
                LeaveOutcome::Left => left += 1,
                LeaveOutcome::AlreadyTipped => stayed += 1,
                other => panic!("round {round}: {other:?}"),
            }
        }
        for join in joins {
            join.await.unwrap();
        }
        let progress = app.progress(deal).await;
        assert_eq!(progress.buyers, 24 - left, "round {round}");
        // A leave is refused as already tipped only if the deal has tipped.
        assert!(stayed == 0 || progress.state == DealState::Tipped, "round {round}: {progress:?}");
        assert!(progress.state == DealState::Tipped || progress.buyers < 14, "round {round}: {progress:?}");
        let afterwards = format!(
            "SELECT count(*) FROM signups AS s JOIN deals AS d ON d.id = s.deal WHERE d.id = '{deal}' AND s.left_at > d.tipped_at"
        );
        assert_eq!(app.backend.query_i64(&afterwards).await, 0, "round {round}: nobody leaves after the tip");
        let events = format!("SELECT count(*) FROM outbox WHERE key = 'tip:{deal}'");
        assert_eq!(
            app.backend.query_i64(&events).await,
            i64::from(progress.state == DealState::Tipped),
            "round {round}"
        );
    }
    app.settle_now().await;
    app.assert_clean().await;
}
