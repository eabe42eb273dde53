use muster::domain::{IdempotencyKey, Role};
use muster::engine::RedeemOutcome;
use muster::ledger::PageRequest;

use crate::support::outcomes::joined;
use crate::support::race::at_once;
use crate::support::{self};

#[tokio::test]
async fn two_cashiers_with_one_coupon_redeem_it_once() {
    let app = support::app().nodes(2).start().await;
    let (mo, ann) = (app.merchant("Mo").await, app.buyer("Ann").await);
    let deal = app.deal(&mo).tipping_point(1).publish().await.id;
    joined(app.join(&ann, deal, 3, "a").await);
    app.settle_now().await;
    let coupons = app.engine.coupons(ann.id, &PageRequest::first(10)).await.unwrap().items;
    for (coupon, with_key) in coupons.iter().zip([false, true, false]) {
        let cashiers: Vec<_> = (0..20)
            .map(|n| {
                let (engine, code, merchant) = (app.nodes[n % 2].engine.clone(), coupon.code.clone(), mo.id);
                let key = with_key.then(|| IdempotencyKey::parse("one-request").unwrap());
                async move { engine.redeem(merchant, &format!("till {n}"), &code, key.as_ref()).await.unwrap() }
            })
            .collect();
        let (mut first, mut told) = (Vec::new(), Vec::new());
        for outcome in at_once(cashiers).await {
            match outcome {
                RedeemOutcome::Redeemed { redemption, replayed: false } => first.push(redemption),
                RedeemOutcome::Redeemed { redemption, replayed: true } if with_key => told.push(redemption),
                RedeemOutcome::AlreadyRedeemed(redemption) if !with_key => told.push(redemption),
                other => panic!("{other:?}"),
            }
        }
        assert_eq!((first.len(), told.len()), (1, 19));
        assert!(told.iter().all(|redemption| *redemption == first[0]), "everybody hears the same");
    }
    app.assert_clean().await;
}

#[tokio::test]
async fn settlers_joins_and_the_end_of_the_deal_at_once_leave_nobody_without_coupons() {
    let app = support::app().nodes(2).start().await;
    let mo = app.merchant("Mo").await;
    let people = app.people("Pat", 80, Role::Buyer).await;
    let deal = app.deal(&mo).tipping_point(10).publish().await.id;
    let joins: Vec<_> = people
        .iter()
        .enumerate()
        .map(|(n, person)| {
            let (engine, request) = (app.nodes[n % 2].engine.clone(), support::people::wish(person, deal, 2, "a"));
            tokio::spawn(async move { joined(engine.join(request).await) })
        })
        .collect();
    let settlers = (0..8).map(|n| {
        let engine = app.nodes[n % 2].engine.clone();
        async move {
            for _ in 0..5 {
                engine.settle(9).await.unwrap();
            }
        }
    });
    at_once(settlers.collect::<Vec<_>>()).await;
    for join in joins {
        join.await.unwrap();
    }
    app.clock.advance(std::time::Duration::from_hours(24)).await;
    app.close_now().await;
    app.settle_now().await;
    assert_eq!(app.home.number("SELECT count(*) FROM coupons").await, 160);
    app.deliver_now().await;
    app.assert_clean().await;
}
