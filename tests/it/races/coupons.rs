use muster::domain::{IdempotencyKey, Till};
use muster::engine::RedeemOutcome;
use muster::store::PageRequest;
use serde_json::{Value, json};
use sqlx::Executor;

use crate::support::fault::wait_until;
use crate::support::outcomes::joined;
use crate::support::race::run_concurrently;
use crate::support::{self};

#[tokio::test]
async fn concurrent_redemptions_on_two_nodes_redeem_a_coupon_once() {
    let app = support::app().nodes(2).start().await;
    let (mo, ann) = (app.merchant("Mo").await, app.buyer("Ann").await);
    let deal = app.deal(&mo).tipping_point(1).publish().await.id;
    joined(app.engine_join(&ann, deal, 3, "a").await);
    app.settle_now().await;
    let coupons = app.engine.coupons(ann.id, &PageRequest::first(10)).await.unwrap().items;
    assert_eq!(coupons.len(), 3);
    for (coupon, with_key) in coupons.iter().zip([false, true, false]) {
        let cashiers: Vec<_> = (0..20)
            .map(|n| {
                let (engine, code) = (app.nodes[n % 2].engine.clone(), coupon.code.clone());
                let (owner, shop) = (mo.id, [mo.merchant_id()]);
                let key = with_key.then(|| IdempotencyKey::parse("one-request").unwrap());
                let till = Till::parse(&format!("till {n}")).unwrap();
                async move { engine.redeem(owner, &shop, &till, &code, key.as_ref()).await.unwrap() }
            })
            .collect();
        let (mut first, mut later) = (Vec::new(), Vec::new());
        for outcome in run_concurrently(cashiers).await {
            match outcome {
                RedeemOutcome::Redeemed { redemption, replayed: false } => first.push(redemption),
                RedeemOutcome::Redeemed { redemption, replayed: true } if with_key => later.push(redemption),
                RedeemOutcome::AlreadyRedeemed(redemption) if !with_key => later.push(redemption),
                other => panic!("{other:?}"),
            }
        }
        assert_eq!((first.len(), later.len()), (1, 19));
        assert!(later.iter().all(|redemption| *redemption == first[0]), "every caller gets the same answer");
    }
    app.assert_clean().await;
}

/// The same over HTTP, through limits, parsing and keys.
#[tokio::test]
async fn thirty_tills_at_three_nodes_redeem_a_coupon_once_and_all_learn_when_and_where() {
    let app = support::app().nodes(3).start().await;
    let (mo, ann) = (app.merchant("Mo").await, app.buyer("Ann").await);
    let deal = app.deal(&mo).tipping_point(1).publish().await.id;
    joined(app.engine_join(&ann, deal, 2, "a").await);
    app.settle_now().await;
    let coupons = app.engine.coupons(ann.id, &PageRequest::first(10)).await.unwrap().items;
    assert_eq!(coupons.len(), 2);
    for coupon in coupons {
        let tills: Vec<_> = (0..30)
            .map(|n| {
                let (mo, code) = (mo.at(&app.nodes[n % 3]), coupon.code.to_string());
                let scan = mo.post("/api/v1/redemptions").json(&json!({"code": code, "till": format!("till {n}")}));
                async move {
                    let answer = scan.send().await.unwrap();
                    (answer.status().as_u16(), answer.json::<Value>().await.unwrap())
                }
            })
            .collect();
        // Several tills have looked the code up, or wait to do so, before any of them continues.
        let mut blocker = app.backend.connect().await;
        blocker.execute("BEGIN").await.unwrap();
        let lock = sqlx::query("SELECT 1 FROM coupons WHERE id = $1 FOR UPDATE").bind(coupon.id.as_uuid());
        lock.execute(&mut blocker).await.unwrap();
        let scanning = tokio::spawn(run_concurrently(tills));
        wait_until("several tills wait at each node", async || app.backend.waiting_for_locks().await >= 9).await;
        blocker.execute("ROLLBACK").await.unwrap();
        let responses = scanning.await.unwrap();
        let (first, others): (Vec<_>, Vec<_>) = responses.iter().partition(|(status, _)| *status == 201);
        assert_eq!((first.len(), others.len()), (1, 29), "{responses:?}");
        for (status, body) in others {
            assert_eq!((*status, &body["code"]), (409, &json!("already_redeemed")), "{body}");
            for what in ["redeemed_at", "redeemed_where"] {
                assert_eq!(body[what], first[0].1[what], "{body}");
            }
        }
    }
    app.assert_clean().await;
}

#[tokio::test]
async fn settling_during_joins_and_closing_leaves_no_unit_without_a_coupon() {
    let app = support::app().nodes(2).start().await;
    let mo = app.merchant("Mo").await;
    let people = app.people("Pat", 80).await;
    let deal = app.deal(&mo).tipping_point(10).publish().await.id;
    let joins: Vec<_> = people
        .iter()
        .enumerate()
        .map(|(n, person)| {
            let (engine, request) =
                (app.nodes[n % 2].engine.clone(), support::people::join_request(person, deal, 2, "a"));
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
    run_concurrently(settlers.collect::<Vec<_>>()).await;
    for join in joins {
        join.await.unwrap();
    }
    app.clock.advance(std::time::Duration::from_hours(24)).await;
    app.close_now().await;
    app.settle_now().await;
    assert_eq!(app.backend.query_i64("SELECT count(*) FROM coupons").await, 160);
    app.deliver_now().await;
    app.assert_clean().await;
}
