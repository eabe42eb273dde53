//! Each writer waits for whoever was there before it, and decides on what that one left behind; or passes it over.

use std::time::Duration;

use muster::domain::{CouponId, DealId, DealState, LeaveOutcome, Till};
use muster::engine::{PublishOutcome, RedeemOutcome, WithdrawOutcome};
use muster::quota::Keys;
use muster::store::{CouponToIssue, PageRequest, Settling, Unsettled};
use redis::AsyncCommands;
use sqlx::{AssertSqlSafe, Executor, PgConnection};

use crate::support::fault::until;
use crate::support::outcomes::joined;
use crate::support::people::wish;
use crate::support::{self, TestApp};

const DAY: Duration = Duration::from_hours(24);

/// Somebody who was there before, and has not committed yet.
async fn before(app: &TestApp, statement: &str) -> PgConnection {
    let mut first = app.home.connect().await;
    first.execute(AssertSqlSafe(format!("BEGIN; {statement}"))).await.unwrap();
    first
}

/// Commits when a node waits for it, after what happens meanwhile.
async fn commit_when_awaited(app: &TestApp, mut first: PgConnection, meanwhile: impl AsyncFnOnce()) {
    until("the other one waits", async || app.home.waiting_for_locks().await == 1).await;
    meanwhile().await;
    first.execute("COMMIT").await.unwrap();
}

/// For a statement that must not wait for the first one.
async fn at_once(app: &TestApp, statement: &str) -> Option<i64> {
    let mut second = app.home.connect().await;
    second.execute("SET lock_timeout = '300ms'").await.unwrap();
    sqlx::query_scalar(AssertSqlSafe(statement.to_owned())).fetch_one(&mut second).await.unwrap()
}

async fn state(app: &TestApp, deal: DealId) -> DealState {
    app.progress(deal).await.state
}

#[tokio::test]
async fn a_deal_is_published_once() {
    let app = support::app().start().await;
    let mo = app.merchant("Mo").await;
    let deal = app.deal(&mo).draft().await.id;
    let first = before(&app, &format!("SELECT publish_deal('{deal}', '{}')", mo.shop())).await;
    let second = app.engine.publish(mo.shop(), deal);
    let (second, ()) = tokio::join!(second, commit_when_awaited(&app, first, async || {}));
    assert!(matches!(second.unwrap(), PublishOutcome::NotDraft));
    assert_eq!(app.progress(deal).await.rev, 2);
    app.assert_clean().await;
}

#[tokio::test]
async fn a_deal_whose_window_ended_while_publishing_waited_is_not_published() {
    let app = support::app().start().await;
    let mo = app.merchant("Mo").await;
    let deal = app.deal(&mo).draft().await.id;
    let first = before(&app, &format!("SELECT FROM deals WHERE id = '{deal}' FOR UPDATE")).await;
    let later = commit_when_awaited(&app, first, async || app.clock.advance(DAY).await);
    let (published, ()) = tokio::join!(app.engine.publish(mo.shop(), deal), later);
    assert!(matches!(published.unwrap(), PublishOutcome::WindowOver));
    assert_eq!(state(&app, deal).await, DealState::Draft);
    app.assert_clean().await;
}

#[tokio::test]
async fn a_deal_that_ended_before_it_could_be_taken_down_stays_ended() {
    let app = support::app().start().await;
    let mo = app.merchant("Mo").await;
    let deal = app.deal(&mo).publish().await.id;
    app.clock.advance(DAY).await;
    let first = before(&app, "SELECT close_due_deals(10)").await;
    let withdrawing = app.engine.withdraw(mo.shop(), deal, "ill");
    let (withdrawn, ()) = tokio::join!(withdrawing, commit_when_awaited(&app, first, async || {}));
    assert_eq!(withdrawn.unwrap(), WithdrawOutcome::Ended);
    assert_eq!(state(&app, deal).await, DealState::Failed);
    app.deliver_now().await;
    app.assert_clean().await;
}

#[tokio::test]
async fn a_deal_was_taken_down_when_it_was_and_not_when_somebody_asked() {
    let app = support::app().start().await;
    let mo = app.merchant("Mo").await;
    let deal = app.deal(&mo).publish().await.id;
    let first = before(&app, &format!("SELECT FROM deals WHERE id = '{deal}' FOR UPDATE")).await;
    let later = commit_when_awaited(&app, first, async || app.clock.advance(Duration::from_hours(2)).await);
    let (withdrawn, ()) = tokio::join!(app.engine.withdraw(mo.shop(), deal, "ill"), later);
    assert!(matches!(withdrawn.unwrap(), WithdrawOutcome::Withdrawn(_)));
    let after = "SELECT extract(epoch FROM ended_at - published_at) FROM deals";
    assert!(app.home.number(after).await >= 7_200);
    app.assert_clean().await;
}

#[tokio::test]
async fn closing_passes_over_a_deal_that_somebody_is_taking_down() {
    let app = support::app().start().await;
    let mo = app.merchant("Mo").await;
    let deal = app.deal(&mo).publish().await.id;
    app.clock.advance(DAY).await;
    let mut first = before(&app, &format!("SELECT withdraw_deal('{deal}', '{}', 'ill')", mo.shop())).await;
    assert_eq!(at_once(&app, "SELECT count(*) FROM close_due_deals(10)").await, Some(0));
    first.execute("COMMIT").await.unwrap();
    app.close_now().await;
    assert_eq!(state(&app, deal).await, DealState::Withdrawn);
    app.assert_clean().await;
}

#[tokio::test]
async fn a_leave_that_waited_while_the_deal_tipped_is_refused() {
    let app = support::app().start().await;
    let (mo, ann, bob) = (app.merchant("Mo").await, app.buyer("Ann").await, app.buyer("Bob").await);
    let deal = app.deal(&mo).tipping_point(2).publish().await.id;
    let anns = joined(app.join(&ann, deal, 1, "a").await).id;
    let tips = wish(&bob, deal, 1, "a").id;
    let first =
        before(&app, &format!("SELECT commit_signups('{{{tips}}}', '{{{deal}}}', '{{{}}}', '{{1}}')", bob.id)).await;
    let (left, ()) = tokio::join!(app.leave(&ann, anns), commit_when_awaited(&app, first, async || {}));
    assert_eq!(left, LeaveOutcome::AlreadyTipped);
    assert_eq!(app.counts(deal).await, (2, 2));
    app.settle_now().await;
    app.assert_clean().await;
}

fn till() -> Till {
    Till::parse("till").unwrap()
}

/// Ann's coupon, which the tests below are about.
async fn coupon(app: &TestApp) -> (support::Person, muster::domain::CouponCode) {
    let (mo, ann) = (app.merchant("Mo").await, app.buyer("Ann").await);
    let deal = app.deal(&mo).tipping_point(1).publish().await.id;
    joined(app.join(&ann, deal, 1, "a").await);
    app.settle_now().await;
    (mo, app.engine.coupons(ann.id, &PageRequest::first(1)).await.unwrap().items.remove(0).code)
}

#[tokio::test]
async fn a_coupon_that_expired_while_redeeming_waited_is_not_redeemed() {
    let app = support::app().start().await;
    let (mo, code) = coupon(&app).await;
    let (shop, till) = ([mo.shop()], till());
    let first = before(&app, "SELECT FROM coupons FOR UPDATE").await;
    let later = commit_when_awaited(&app, first, async || app.clock.advance(91 * DAY).await);
    let (redeemed, ()) = tokio::join!(app.engine.redeem(mo.id, &shop, &till, &code, None), later);
    assert!(matches!(redeemed.unwrap(), RedeemOutcome::Expired));
    app.close_now().await;
    app.deliver_now().await;
    app.assert_clean().await;
}

#[tokio::test]
async fn a_coupon_that_another_till_redeems_is_redeemed_already() {
    let app = support::app().start().await;
    let (mo, code) = coupon(&app).await;
    let (shop, till) = ([mo.shop()], till());
    let redeemed =
        format!("UPDATE coupons SET redeemed_at = muster_now(), redeemed_by = '{}', redeemed_where = 'x'", mo.id);
    let first = before(&app, &redeemed).await;
    let (second, ()) = tokio::join!(
        app.engine.redeem(mo.id, &shop, &till, &code, None),
        commit_when_awaited(&app, first, async || {})
    );
    assert!(matches!(second.unwrap(), RedeemOutcome::AlreadyRedeemed(_)));
    app.assert_clean().await;
}

/// Two workers of one kind pass each other's work over instead of waiting for it or doing it again.
#[tokio::test]
async fn workers_pass_over_what_another_is_at() {
    let app = support::app().start().await;
    let mo = app.merchant("Mo").await;
    let people = app.people("Pat", 3).await;
    let deal = app.deal(&mo).tipping_point(3).publish().await.id;
    for person in &people {
        joined(app.join(person, deal, 1, "a").await);
    }
    assert_eq!(app.store.settler().await.unwrap().unsettled(100).await.unwrap().len(), 3);
    let settle = "SELECT issue_coupons(array_agg(DISTINCT deal), ARRAY[0], ARRAY[max(rev)], array_agg(deal), array_agg(id),
                                        array_agg(buyer), array_agg(1), array_agg(id), array_agg(sha256(id::text::bytea)),
                                        1::smallint, 2::smallint) FROM signups";
    let mut settler = before(&app, settle).await;
    assert_eq!(at_once(&app, settle).await, Some(0));
    settler.execute("ROLLBACK").await.unwrap();
    app.settle_now().await;

    let mut expander = before(&app, "SELECT expand_outbox(10)").await;
    assert_eq!(at_once(&app, "SELECT expand_outbox(10)").await, None);
    expander.execute("COMMIT").await.unwrap();
    let mut sender = before(&app, "SELECT claim_outbox(100)").await;
    assert_eq!(at_once(&app, "SELECT count(*) FROM claim_outbox(100)").await, Some(0));
    sender.execute("ROLLBACK").await.unwrap();

    app.clock.advance(DAY).await;
    app.close_now().await;
    let mut other = before(&app, "SELECT FROM deals FOR UPDATE").await;
    at_once(&app, "SELECT count(*) FROM (SELECT mark_settled_deals()) AS marked").await;
    other.execute("ROLLBACK").await.unwrap();
    app.settle_now().await;
    assert_eq!(app.home.number("SELECT count(all_settled_at) FROM deals").await, 1);
    app.deliver_now().await;
    app.assert_clean().await;
}

/// Also what comes after its statement: Redis is told.
#[tokio::test]
async fn a_writer_comes_to_its_end_when_whoever_asked_for_it_is_gone() {
    let app = support::app().start().await;
    let (mo, ann) = (app.merchant("Mo").await, app.buyer("Ann").await);
    let deal = app.deal(&mo).publish().await.id;
    joined(app.join(&ann, deal, 1, "a").await);
    app.home.nothing_is_held(deal).await;
    let lock = app.home.lock_deal(deal).await;
    let (engine, merchant) = (app.engine.clone(), mo.shop());
    let handler = tokio::spawn(async move { engine.withdraw(merchant, deal, "ill").await });
    until("it is on its way", async || app.home.waiting_for_locks().await == 1).await;
    handler.abort();
    assert!(handler.await.unwrap_err().is_cancelled());
    lock.unlock().await;
    let (mut redis, quota) = (app.home.redis().await, Keys::new(&app.home.name).quota(deal));
    until("Redis was told", async || redis.hget::<_, _, String>(&quota, "state").await.unwrap() == "withdrawn").await;
    app.assert_clean().await;
}

/// Two settlers have read the same: the first one settles, the second one is too late, for all of it or for the beginning.
#[tokio::test]
async fn a_settler_issues_nothing_of_what_another_has_settled_since_it_looked() {
    let app = support::app().start().await;
    let mo = app.merchant("Mo").await;
    let people = app.people("Pat", 3).await;
    let deal = app.deal(&mo).tipping_point(3).publish().await.id;
    for person in &people {
        joined(app.join(person, deal, 1, "a").await);
    }
    let mut settler = app.store.settler().await.unwrap();
    let waiting = settler.unsettled(100).await.unwrap();
    let chunk = |from: usize, to: usize| {
        let these = &waiting[from..to];
        let settling = Settling { deal, from: these[0].after, to: these[these.len() - 1].rev };
        let coupon = |w: &Unsettled| CouponToIssue {
            deal,
            signup: w.signup,
            buyer: w.buyer,
            ordinal: 1,
            id: CouponId::derive(w.signup, 1),
            lookup: std::array::from_fn(|n| w.signup.as_uuid().as_bytes()[n % 16]),
        };
        (vec![settling], these.iter().map(coupon).collect::<Vec<_>>())
    };
    let mut settle = async |(settling, coupons): (Vec<Settling>, Vec<CouponToIssue>)| {
        settler.issue_coupons(&settling, &coupons, 1).await.unwrap()
    };
    assert_eq!(settle(chunk(1, 3)).await, 0, "not before the one before it");
    assert_eq!(settle(chunk(0, 1)).await, 1);
    assert_eq!(settle(chunk(0, 1)).await, 0, "all of it is settled");
    assert_eq!(settle(chunk(0, 3)).await, 0, "its beginning is settled");
    assert_eq!(settle(chunk(1, 3)).await, 2);
    assert!(settler.unsettled(100).await.unwrap().is_empty());
    assert_eq!(app.home.number("SELECT count(*) FROM coupons").await, 3);
}
