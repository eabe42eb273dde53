//! A deal is withdrawn while others act on it: one comes first, and the other gets the matching outcome.

use muster::domain::{CouponState, DealState, JoinOutcome, LeaveOutcome, Refusal};
use muster::engine::WithdrawOutcome;
use muster::store::PageRequest;

use crate::support::outcomes::joined;
use crate::support::people::join_request;
use crate::support::race::run_concurrently;
use crate::support::{self};

#[tokio::test]
async fn joins_racing_a_withdrawal_either_count_or_are_refused_as_closed() {
    let app = support::app().nodes(3).with("lanes.batch_max", "4").start().await;
    let mo = app.merchant("Mo").await;
    let people = app.people("Pat", 60).await;
    for round in 0..6 {
        let deal = app.deal(&mo).tipping_point(20).publish().await.id;
        let first_rev = app.progress(deal).await.rev;
        let joins: Vec<_> = people
            .iter()
            .enumerate()
            .map(|(n, person)| {
                let (engine, request) = (app.nodes[n % 3].engine.clone(), join_request(person, deal, 1, "a"));
                tokio::spawn(async move { engine.join(request).await })
            })
            .collect();
        let withdrawals = (0..3).map(|n| {
            let (engine, mo) = (app.nodes[n].engine.clone(), mo.merchant_id());
            async move { engine.withdraw(mo, deal, "ill").await.unwrap() }
        });
        for outcome in run_concurrently(withdrawals.collect::<Vec<_>>()).await {
            assert!(matches!(outcome, WithdrawOutcome::Withdrawn(_)), "withdrawing is idempotent: {outcome:?}");
        }
        let mut in_time = 0;
        for join in joins {
            match join.await.unwrap() {
                JoinOutcome::Joined(_) => in_time += 1,
                JoinOutcome::Refused(Refusal::Closed) => {}
                other => panic!("round {round}: {other:?}"),
            }
        }
        let progress = app.progress(deal).await;
        assert_eq!((progress.state, progress.buyers), (DealState::Withdrawn, in_time), "round {round}");
        // Each join made one rev and the withdrawal made the last, so it happened once.
        assert_eq!(progress.rev, first_rev + i64::from(in_time) + 1, "round {round}");
    }
    app.settle_now().await;
    app.deliver_now().await;
    app.assert_clean().await;
}

#[tokio::test]
async fn leaves_racing_a_withdrawal_either_succeed_or_are_refused_as_closed() {
    let app = support::app().nodes(2).start().await;
    let (mo, ann) = (app.merchant("Mo").await, app.buyer("Ann").await);
    for round in 0..20 {
        let deal = app.deal(&mo).publish().await.id;
        let signup = joined(app.engine_join(&ann, deal, 1, "a").await).id;
        let (leaves, withdraws) = (app.nodes[round % 2].engine.clone(), app.nodes[1].engine.clone());
        let (buyer, merchant) = (ann.id, mo.merchant_id());
        let leave = tokio::spawn(async move { leaves.leave(buyer, signup).await });
        let withdraw = tokio::spawn(async move { withdraws.withdraw(merchant, deal, "ill").await.unwrap() });
        assert!(matches!(withdraw.await.unwrap(), WithdrawOutcome::Withdrawn(_)));
        let expected = match leave.await.unwrap() {
            LeaveOutcome::Left => 0,
            LeaveOutcome::Closed => 1,
            other => panic!("{other:?}"),
        };
        let progress = app.progress(deal).await;
        assert_eq!((progress.state, progress.buyers), (DealState::Withdrawn, expected), "round {round}");
    }
    let afterwards = "SELECT count(*) FROM signups AS s JOIN deals AS d ON d.id = s.deal WHERE s.left_at > d.ended_at";
    assert_eq!(app.backend.query_i64(afterwards).await, 0, "nobody leaves after the withdrawal");
    app.deliver_now().await;
    app.assert_clean().await;
}

/// Each signup has all of its coupons or none, and all coupons are void.
#[tokio::test]
async fn withdrawing_during_settling_voids_all_coupons_and_splits_no_signup() {
    let app = support::app().nodes(2).start().await;
    let mo = app.merchant("Mo").await;
    let people = app.people("Pat", 40).await;
    let mut issued_in_all = 0;
    for round in 0..4 {
        let deal = app.deal(&mo).tipping_point(1).publish().await.id;
        for joining in run_concurrently(people.iter().map(|person| {
            let (engine, request) = (app.engine.clone(), join_request(person, deal, 2, "a"));
            async move { engine.join(request).await }
        }))
        .await
        {
            joined(joining);
        }
        // Issue some coupons before the race, so that there are some whichever side wins it.
        let mut issued = app.engine.settle(6).await.unwrap();
        assert!(issued > 0, "round {round}");
        let settlers: Vec<_> = (0..4)
            .map(|n| {
                let engine = app.nodes[n % 2].engine.clone();
                tokio::spawn(async move { engine.settle(6).await.unwrap() })
            })
            .collect();
        let withdrawn = app.nodes[round % 2].engine.withdraw(mo.merchant_id(), deal, "ill").await.unwrap();
        assert!(matches!(withdrawn, WithdrawOutcome::Withdrawn(_)));
        for settler in settlers {
            issued += settler.await.unwrap();
        }
        let stored =
            async || app.backend.query_i64(&format!("SELECT count(*) FROM coupons WHERE deal = '{deal}'")).await;
        assert_eq!(stored().await, i64::try_from(issued).unwrap(), "round {round}");
        issued_in_all += issued;
        println!("round {round}: {issued} of 80 coupons were issued before the withdrawal");
        assert_eq!(app.engine.settle(1_000).await.unwrap(), 0, "round {round}: nothing is issued after the withdrawal");
        let halves = format!(
            "SELECT count(*) FROM signups AS s LEFT JOIN settling AS t ON t.deal = s.deal WHERE s.deal = '{deal}'
                AND (SELECT count(*) FROM coupons AS c WHERE c.deal = s.deal AND c.signup = s.id)
                    <> CASE WHEN s.rev <= t.settled_rev THEN s.units ELSE 0 END"
        );
        assert_eq!(app.backend.query_i64(&halves).await, 0, "round {round}");
    }
    let mut void = 0;
    for person in &people {
        let coupons = app.engine.coupons(person.id, &PageRequest::first(100)).await.unwrap().items;
        assert!(coupons.iter().all(|coupon| coupon.state == CouponState::Void));
        void += coupons.len();
    }
    assert_eq!(void, usize::try_from(issued_in_all).unwrap(), "every issued coupon was checked");
    app.deliver_now().await;
    app.assert_clean().await;
}

/// A merchant withdraws a deal whose deadline has passed. The deal ends once, in one way.
#[tokio::test]
async fn a_withdrawal_racing_the_closer_ends_the_deal_once() {
    let app = support::app().nodes(2).start().await;
    let (mo, ann) = (app.merchant("Mo").await, app.buyer("Ann").await);
    let mut deals = Vec::new();
    for n in 0..20 {
        let deal = app.deal(&mo).tipping_point(1 + n % 2).publish().await.id;
        joined(app.engine_join(&ann, deal, 1, "a").await);
        deals.push((deal, app.progress(deal).await.rev));
    }
    app.clock.advance(std::time::Duration::from_hours(25)).await;
    let closers: Vec<_> = (0..4)
        .map(|n| {
            let engine = app.nodes[n % 2].engine.clone();
            tokio::spawn(async move { engine.close_due().await.unwrap() })
        })
        .collect();
    let withdrawals = deals.iter().map(|(deal, _)| {
        let (engine, mo, deal) = (app.nodes[1].engine.clone(), mo.merchant_id(), *deal);
        async move { (deal, engine.withdraw(mo, deal, "ill").await.unwrap()) }
    });
    let withdrawals = run_concurrently(withdrawals.collect::<Vec<_>>()).await;
    let mut closed = Vec::new();
    for closer in closers {
        closed.extend(closer.await.unwrap());
    }
    closed.extend(app.engine.close_due().await.unwrap());
    for (deal, outcome) in withdrawals {
        match outcome {
            WithdrawOutcome::Withdrawn(_) => assert!(!closed.contains(&deal)),
            WithdrawOutcome::Ended => assert!(closed.contains(&deal)),
            WithdrawOutcome::NoSuchDeal => panic!("{deal}"),
        }
    }
    for (deal, rev) in deals {
        let progress = app.progress(deal).await;
        assert!(progress.state.is_final());
        assert_eq!(progress.rev, rev + 1, "the deal ends once");
    }
    app.settle_now().await;
    app.deliver_now().await;
    app.assert_clean().await;
}
