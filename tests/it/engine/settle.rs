use std::time::Duration;

use muster::domain::CouponState;
use muster::store::PageRequest;
use sqlx::Executor;

use crate::support::fault::wait_until;
use crate::support::outcomes::joined;
use crate::support::{self};

const ALL: PageRequest = PageRequest::first(100);

#[tokio::test]
async fn every_unit_in_a_tipped_deal_gets_one_coupon() {
    let app = support::app().start().await;
    let mo = app.merchant("Mo").await;
    let people = app.people("Pat", 3).await;
    let deal = app.deal(&mo).tipping_point(2).publish().await.id;
    joined(app.engine_join(&people[0], deal, 3, "a").await);
    assert_eq!(app.engine.settle(100).await.unwrap(), 0, "there are no coupons before the tip");
    joined(app.engine_join(&people[1], deal, 1, "a").await);
    assert_eq!(app.engine.settle(100).await.unwrap(), 4);
    assert_eq!(app.engine.settle(100).await.unwrap(), 0, "no unit gets a second coupon");
    let coupons = app.engine.coupons(people[0].id, &ALL).await.unwrap().items;
    let mut ordinals: Vec<_> = coupons.iter().map(|coupon| coupon.ordinal).collect();
    ordinals.sort_unstable();
    assert_eq!(ordinals, [1, 2, 3]);
    assert!(coupons.iter().all(|coupon| coupon.state == CouponState::Issued && coupon.deal == deal));

    joined(app.engine_join(&people[2], deal, 2, "a").await);
    joined(app.engine_join(&people[0], deal, 1, "b").await);
    assert_eq!(app.engine.settle(100).await.unwrap(), 3, "later signups get coupons, too");
    assert_eq!(app.engine.coupons(people[0].id, &ALL).await.unwrap().items.len(), 4);
    assert_eq!(
        app.backend.query_i64("SELECT count(*) FROM outbox WHERE kind = 'coupon_ready'").await,
        4,
        "one message for each signup"
    );
    app.assert_clean().await;
}

#[tokio::test]
async fn a_signup_that_left_before_the_tip_gets_no_coupon() {
    let app = support::app().start().await;
    let (mo, ann, bob) = (app.merchant("Mo").await, app.buyer("Ann").await, app.buyer("Bob").await);
    let deal = app.deal(&mo).tipping_point(1).cap(50).publish().await.id;
    let other = app.deal(&mo).tipping_point(2).publish().await.id;
    let left = joined(app.engine_join(&ann, other, 2, "a").await);
    app.engine_leave(&ann, left.id).await;
    joined(app.engine_join(&ann, other, 1, "b").await);
    joined(app.engine_join(&bob, other, 1, "a").await);
    joined(app.engine_join(&bob, deal, 1, "a").await);
    assert_eq!(app.engine.settle(100).await.unwrap(), 3);
    assert_eq!(
        app.backend
            .query_i64("SELECT count(*) FROM coupons WHERE buyer IN (SELECT id FROM accounts WHERE name = 'Ann')")
            .await,
        1
    );
    app.assert_clean().await;
}

#[tokio::test]
async fn the_engine_reports_when_more_than_one_chunk_is_due() {
    let app = support::app().start().await;
    let mo = app.merchant("Mo").await;
    let people = app.people("Pat", 2).await;
    for (chunk, many) in [(2, false), (1, true)] {
        let deal = app.deal(&mo).tipping_point(2).publish().await.id;
        for person in &people {
            joined(app.engine_join(person, deal, 1, "a").await);
        }
        let mut first = app.backend.connect().await;
        first.execute("BEGIN; LOCK TABLE coupon_codes").await.unwrap();
        let engine = app.engine.clone();
        let settling = tokio::spawn(async move { engine.settle(chunk).await });
        wait_until("the settler waits", async || app.backend.waiting_for_locks().await > 0).await;
        assert_eq!(app.engine.has_many_to_settle(), many, "chunks of {chunk}");
        first.execute("COMMIT").await.unwrap();
        assert_eq!(settling.await.unwrap().unwrap(), 2);
        assert!(!app.engine.has_many_to_settle());
    }
    app.assert_clean().await;
}

#[tokio::test]
async fn chunks_smaller_than_one_signup_settle_every_unit() {
    let app = support::app().start().await;
    let mo = app.merchant("Mo").await;
    let people = app.people("Pat", 20).await;
    let deal = app.deal(&mo).tipping_point(20).per_buyer_max(5).publish().await.id;
    for person in &people {
        joined(app.engine_join(person, deal, 5, "a").await);
    }
    assert_eq!(app.engine.settle(3).await.unwrap(), 100);
    app.assert_clean().await;
}

/// Databases from before `settled_rev` may have signups that were marked one by one, in any order.
#[tokio::test]
async fn signups_marked_as_settled_individually_are_not_settled_again() {
    let app = support::app().start().await;
    let mo = app.merchant("Mo").await;
    let people = app.people("Pat", 3).await;
    let deal = app.deal(&mo).tipping_point(3).publish().await.id;
    for person in &people {
        joined(app.engine_join(person, deal, 1, "a").await);
    }
    let second = "WITH second AS (UPDATE signups SET settled_at = muster_now() WHERE number = 2 RETURNING *),
                       code AS (INSERT INTO coupon_codes SELECT sha256('x'), deal, id, 1 FROM second),
                       mail AS (INSERT INTO outbox (key, kind, deal, account, signup)
                                SELECT 'coupon:' || id, 'coupon_ready', deal, buyer, id FROM second)
                  INSERT INTO coupons (deal, signup, ordinal, id, buyer, key_id, form, issued_at)
                  SELECT deal, id, 1, gen_random_uuid(), buyer, 1, 1, settled_at FROM second";
    app.backend.sql(second).await;
    assert_eq!(app.engine.settle(1).await.unwrap(), 2);
    assert_eq!(app.engine.settle(1).await.unwrap(), 0);
    assert_eq!(app.backend.query_i64("SELECT count(DISTINCT signup) FROM coupons").await, 3);
    app.assert_clean().await;
}

#[tokio::test]
async fn concurrent_settlers_issue_every_coupon_once() {
    let app = support::app().nodes(2).start().await;
    let mo = app.merchant("Mo").await;
    let people = app.people("Pat", 60).await;
    let deal = app.deal(&mo).tipping_point(60).publish().await.id;
    for person in &people {
        joined(app.engine_join(person, deal, 2, "a").await);
    }
    let settlers = (0..6).map(|n| {
        let engine = app.nodes[n % 2].engine.clone();
        async move { engine.settle(7).await.unwrap() }
    });
    let issued: u64 = support::race::run_concurrently(settlers).await.into_iter().sum();
    // A settler that finds no free work returns. One more call settles what is left.
    assert_eq!(issued + app.engine.settle(7).await.unwrap(), 120);
    assert_eq!(app.backend.query_i64("SELECT count(*) FROM coupons").await, 120);
    app.assert_clean().await;
}

#[tokio::test]
async fn a_withdrawn_deal_issues_no_coupons_and_voids_existing_ones() {
    let app = support::app().start().await;
    let (mo, ann) = (app.merchant("Mo").await, app.buyer("Ann").await);
    let deal = app.deal(&mo).tipping_point(1).publish().await.id;
    joined(app.engine_join(&ann, deal, 1, "a").await);
    app.settle_now().await;
    joined(app.engine_join(&ann, deal, 1, "b").await);
    app.engine.withdraw(mo.merchant_id(), deal, "ill").await.unwrap();
    assert_eq!(app.engine.settle(100).await.unwrap(), 0);
    let coupons = app.engine.coupons(ann.id, &ALL).await.unwrap().items;
    assert_eq!(coupons.iter().map(|coupon| coupon.state).collect::<Vec<_>>(), [CouponState::Void]);
    app.assert_clean().await;
}

#[tokio::test]
async fn an_ended_deal_with_all_its_coupons_is_not_scanned_again() {
    let app = support::app().start().await;
    let (mo, ann) = (app.merchant("Mo").await, app.buyer("Ann").await);
    let deal = app.deal(&mo).tipping_point(1).publish().await.id;
    joined(app.engine_join(&ann, deal, 1, "a").await);
    let settled = "SELECT count(*) FROM deals WHERE all_settled_at IS NOT NULL";
    app.clock.advance(Duration::from_hours(25)).await;
    app.close_now().await;
    assert_eq!(app.backend.query_i64(settled).await, 0);
    assert_eq!(app.engine.settle(100).await.unwrap(), 1, "a deal that ended first is settled, too");
    assert_eq!(app.backend.query_i64(settled).await, 1);
    app.deliver_now().await;
    app.assert_clean().await;
}

#[tokio::test]
async fn a_coupon_code_is_stable_and_never_stored() {
    let app = support::app().nodes(2).start().await;
    let (mo, ann) = (app.merchant("Mo").await, app.buyer("Ann").await);
    let deal = app.deal(&mo).tipping_point(1).publish().await.id;
    joined(app.engine_join(&ann, deal, 1, "a").await);
    app.settle_now().await;
    let shown = app.nodes[0].engine.coupons(ann.id, &ALL).await.unwrap().items.remove(0);
    let on_other_node = app.nodes[1].engine.coupon(ann.id, shown.id).await.unwrap().unwrap();
    assert!(shown.code == on_other_node.code);
    let stored = app.backend.dump().await.to_uppercase();
    assert!(!stored.contains(&shown.code.compact()) && !stored.contains(&shown.code.to_string()));
}
