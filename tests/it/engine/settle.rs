use std::time::Duration;

use muster::domain::CouponState;
use muster::store::PageRequest;
use sqlx::Executor;

use crate::support::fault::until;
use crate::support::outcomes::joined;
use crate::support::{self};

const ALL: PageRequest = PageRequest::first(100);

#[tokio::test]
async fn every_signup_of_a_tipped_deal_gets_one_coupon_per_unit() {
    let app = support::app().start().await;
    let mo = app.merchant("Mo").await;
    let people = app.people("Pat", 3).await;
    let deal = app.deal(&mo).tipping_point(2).publish().await.id;
    joined(app.join(&people[0], deal, 3, "a").await);
    assert_eq!(app.engine.settle(100).await.unwrap(), 0, "not before the tip");
    joined(app.join(&people[1], deal, 1, "a").await);
    assert_eq!(app.engine.settle(100).await.unwrap(), 4);
    assert_eq!(app.engine.settle(100).await.unwrap(), 0, "and not twice");
    let coupons = app.engine.coupons(people[0].id, &ALL).await.unwrap().items;
    let mut ordinals: Vec<_> = coupons.iter().map(|coupon| coupon.ordinal).collect();
    ordinals.sort_unstable();
    assert_eq!(ordinals, [1, 2, 3]);
    assert!(coupons.iter().all(|coupon| coupon.state == CouponState::Issued && coupon.deal == deal));

    joined(app.join(&people[2], deal, 2, "a").await);
    joined(app.join(&people[0], deal, 1, "b").await);
    assert_eq!(app.engine.settle(100).await.unwrap(), 3, "who joins later gets theirs, too");
    assert_eq!(app.engine.coupons(people[0].id, &ALL).await.unwrap().items.len(), 4);
    assert_eq!(
        app.home.number("SELECT count(*) FROM outbox WHERE kind = 'coupon_ready'").await,
        4,
        "one for each signup"
    );
    app.assert_clean().await;
}

#[tokio::test]
async fn a_signup_left_before_the_tip_gets_no_coupon() {
    let app = support::app().start().await;
    let (mo, ann, bob) = (app.merchant("Mo").await, app.buyer("Ann").await, app.buyer("Bob").await);
    let deal = app.deal(&mo).tipping_point(1).cap(50).publish().await.id;
    let other = app.deal(&mo).tipping_point(2).publish().await.id;
    let left = joined(app.join(&ann, other, 2, "a").await);
    app.leave(&ann, left.id).await;
    joined(app.join(&ann, other, 1, "b").await);
    joined(app.join(&bob, other, 1, "a").await);
    joined(app.join(&bob, deal, 1, "a").await);
    assert_eq!(app.engine.settle(100).await.unwrap(), 3);
    assert_eq!(
        app.home
            .number("SELECT count(*) FROM coupons WHERE buyer IN (SELECT id FROM accounts WHERE name = 'Ann')")
            .await,
        1
    );
    app.assert_clean().await;
}

#[tokio::test]
async fn while_more_than_one_chunk_is_due_the_engine_says_so() {
    let app = support::app().start().await;
    let mo = app.merchant("Mo").await;
    let people = app.people("Pat", 2).await;
    for (chunk, many) in [(2, false), (1, true)] {
        let deal = app.deal(&mo).tipping_point(2).publish().await.id;
        for person in &people {
            joined(app.join(person, deal, 1, "a").await);
        }
        let mut first = app.home.connect().await;
        first.execute("BEGIN; LOCK TABLE coupon_codes").await.unwrap();
        let engine = app.engine.clone();
        let settling = tokio::spawn(async move { engine.settle(chunk).await });
        until("settling waits", async || app.home.waiting_for_locks().await > 0).await;
        assert_eq!(app.engine.has_many_to_settle(), many, "chunks of {chunk}");
        first.execute("COMMIT").await.unwrap();
        assert_eq!(settling.await.unwrap().unwrap(), 2);
        assert!(!app.engine.has_many_to_settle());
    }
    app.assert_clean().await;
}

#[tokio::test]
async fn a_chunk_smaller_than_a_signup_and_many_chunks_end_the_same() {
    let app = support::app().start().await;
    let mo = app.merchant("Mo").await;
    let people = app.people("Pat", 20).await;
    let deal = app.deal(&mo).tipping_point(20).per_buyer_max(5).publish().await.id;
    for person in &people {
        joined(app.join(person, deal, 5, "a").await);
    }
    assert_eq!(app.engine.settle(3).await.unwrap(), 100);
    app.assert_clean().await;
}

/// Before one number for each deal said how far it is settled, each settled signup had a mark; and they were not always settled in
/// their order.
#[tokio::test]
async fn signups_settled_under_the_old_marks_are_not_settled_again() {
    let app = support::app().start().await;
    let mo = app.merchant("Mo").await;
    let people = app.people("Pat", 3).await;
    let deal = app.deal(&mo).tipping_point(3).publish().await.id;
    for person in &people {
        joined(app.join(person, deal, 1, "a").await);
    }
    let second = "WITH second AS (UPDATE signups SET settled_at = muster_now() WHERE number = 2 RETURNING *),
                       code AS (INSERT INTO coupon_codes SELECT sha256('x'), deal, id, 1 FROM second),
                       mail AS (INSERT INTO outbox (key, kind, deal, account, signup)
                                SELECT 'coupon:' || id, 'coupon_ready', deal, buyer, id FROM second)
                  INSERT INTO coupons (deal, signup, ordinal, id, buyer, key_id, form, issued_at)
                  SELECT deal, id, 1, gen_random_uuid(), buyer, 1, 1, settled_at FROM second";
    app.home.sql(second).await;
    assert_eq!(app.engine.settle(1).await.unwrap(), 2);
    assert_eq!(app.engine.settle(1).await.unwrap(), 0);
    assert_eq!(app.home.number("SELECT count(DISTINCT signup) FROM coupons").await, 3);
    app.assert_clean().await;
}

#[tokio::test]
async fn two_settlers_on_two_nodes_issue_every_coupon_once() {
    let app = support::app().nodes(2).start().await;
    let mo = app.merchant("Mo").await;
    let people = app.people("Pat", 60).await;
    let deal = app.deal(&mo).tipping_point(60).publish().await.id;
    for person in &people {
        joined(app.join(person, deal, 2, "a").await);
    }
    let settlers = (0..6).map(|n| {
        let engine = app.nodes[n % 2].engine.clone();
        async move { engine.settle(7).await.unwrap() }
    });
    let issued: u64 = support::race::at_once(settlers).await.into_iter().sum();
    // One that found nothing of its own leaves the rest to the others; whoever looks last finds it all done.
    assert_eq!(issued + app.engine.settle(7).await.unwrap(), 120);
    assert_eq!(app.home.number("SELECT count(*) FROM coupons").await, 120);
    app.assert_clean().await;
}

#[tokio::test]
async fn a_deal_that_was_taken_down_issues_none_and_voids_those_it_had() {
    let app = support::app().start().await;
    let (mo, ann) = (app.merchant("Mo").await, app.buyer("Ann").await);
    let deal = app.deal(&mo).tipping_point(1).publish().await.id;
    joined(app.join(&ann, deal, 1, "a").await);
    app.settle_now().await;
    joined(app.join(&ann, deal, 1, "b").await);
    app.engine.withdraw(mo.shop(), deal, "ill").await.unwrap();
    assert_eq!(app.engine.settle(100).await.unwrap(), 0);
    let coupons = app.engine.coupons(ann.id, &ALL).await.unwrap().items;
    assert_eq!(coupons.iter().map(|coupon| coupon.state).collect::<Vec<_>>(), [CouponState::Void]);
    app.assert_clean().await;
}

#[tokio::test]
async fn a_deal_that_ended_and_has_all_its_coupons_is_not_looked_at_again() {
    let app = support::app().start().await;
    let (mo, ann) = (app.merchant("Mo").await, app.buyer("Ann").await);
    let deal = app.deal(&mo).tipping_point(1).publish().await.id;
    joined(app.join(&ann, deal, 1, "a").await);
    let settled = "SELECT count(*) FROM deals WHERE all_settled_at IS NOT NULL";
    app.clock.advance(Duration::from_hours(25)).await;
    app.close_now().await;
    assert_eq!(app.home.number(settled).await, 0);
    assert_eq!(app.engine.settle(100).await.unwrap(), 1, "also when it ended before it was settled");
    assert_eq!(app.home.number(settled).await, 1);
    app.deliver_now().await;
    app.assert_clean().await;
}

#[tokio::test]
async fn a_code_is_the_same_whenever_it_is_shown_and_nowhere_in_the_database() {
    let app = support::app().nodes(2).start().await;
    let (mo, ann) = (app.merchant("Mo").await, app.buyer("Ann").await);
    let deal = app.deal(&mo).tipping_point(1).publish().await.id;
    joined(app.join(&ann, deal, 1, "a").await);
    app.settle_now().await;
    let shown = app.nodes[0].engine.coupons(ann.id, &ALL).await.unwrap().items.remove(0);
    let elsewhere = app.nodes[1].engine.coupon(ann.id, shown.id).await.unwrap().unwrap();
    assert!(shown.code == elsewhere.code);
    let stored = app.home.dump().await.to_uppercase();
    assert!(!stored.contains(&shown.code.compact()) && !stored.contains(&shown.code.to_string()));
}
