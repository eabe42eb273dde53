//! A writer that waits for a lock decides on what the earlier transaction committed; workers skip locked rows.

use std::time::Duration;

use muster::domain::{CouponId, DealId, DealState, LeaveOutcome, Till};
use muster::engine::{PublishOutcome, RedeemOutcome, WithdrawOutcome};
use muster::quota::Keys;
use muster::store::{CouponToIssue, PageRequest, Settling, Unsettled};
use redis::AsyncCommands;
use sqlx::{AssertSqlSafe, Executor, PgConnection};

use crate::support::fault::wait_until;
use crate::support::outcomes::joined;
use crate::support::people::join_request;
use crate::support::{self, TestApp};

const DAY: Duration = Duration::from_hours(24);

/// Begins another transaction with this statement and leaves it open.
async fn begin_with(app: &TestApp, statement: &str) -> PgConnection {
    let mut first = app.backend.connect().await;
    first.execute(AssertSqlSafe(format!("BEGIN; {statement}"))).await.unwrap();
    first
}

/// Waits until a node waits for the open transaction, runs `before_commit`, and commits.
async fn commit_once_awaited(app: &TestApp, mut first: PgConnection, before_commit: impl AsyncFnOnce()) {
    wait_until("the second transaction waits", async || app.backend.waiting_for_locks().await == 1).await;
    before_commit().await;
    first.execute("COMMIT").await.unwrap();
}

/// Runs a query that must not wait for the open transaction.
async fn query_without_waiting(app: &TestApp, statement: &str) -> Option<i64> {
    let mut second = app.backend.connect().await;
    second.execute("SET lock_timeout = '300ms'").await.unwrap();
    sqlx::query_scalar(AssertSqlSafe(statement.to_owned())).fetch_one(&mut second).await.unwrap()
}

async fn state(app: &TestApp, deal: DealId) -> DealState {
    app.progress(deal).await.state
}

#[tokio::test]
async fn a_publish_that_waited_for_another_is_refused() {
    let app = support::app().start().await;
    let mo = app.merchant("Mo").await;
    let deal = app.deal(&mo).draft().await.id;
    let first = begin_with(&app, &format!("SELECT publish_deal('{deal}', '{}')", mo.merchant_id())).await;
    let second = app.engine.publish(mo.merchant_id(), deal);
    let (second, ()) = tokio::join!(second, commit_once_awaited(&app, first, async || {}));
    assert!(matches!(second.unwrap(), PublishOutcome::NotDraft));
    assert_eq!(app.progress(deal).await.rev, 2);
    app.assert_clean().await;
}

#[tokio::test]
async fn a_deal_whose_window_ended_while_publishing_waited_is_not_published() {
    let app = support::app().start().await;
    let mo = app.merchant("Mo").await;
    let deal = app.deal(&mo).draft().await.id;
    let first = begin_with(&app, &format!("SELECT FROM deals WHERE id = '{deal}' FOR UPDATE")).await;
    let later = commit_once_awaited(&app, first, async || app.clock.advance(DAY).await);
    let (published, ()) = tokio::join!(app.engine.publish(mo.merchant_id(), deal), later);
    assert!(matches!(published.unwrap(), PublishOutcome::WindowOver));
    assert_eq!(state(&app, deal).await, DealState::Draft);
    app.assert_clean().await;
}

#[tokio::test]
async fn a_withdrawal_that_waited_for_the_closer_is_refused() {
    let app = support::app().start().await;
    let mo = app.merchant("Mo").await;
    let deal = app.deal(&mo).publish().await.id;
    app.clock.advance(DAY).await;
    let first = begin_with(&app, "SELECT close_due_deals(10)").await;
    let withdrawing = app.engine.withdraw(mo.merchant_id(), deal, "ill");
    let (withdrawn, ()) = tokio::join!(withdrawing, commit_once_awaited(&app, first, async || {}));
    assert_eq!(withdrawn.unwrap(), WithdrawOutcome::Ended);
    assert_eq!(state(&app, deal).await, DealState::Failed);
    app.deliver_now().await;
    app.assert_clean().await;
}

#[tokio::test]
async fn a_withdrawal_is_dated_after_it_has_the_lock() {
    let app = support::app().start().await;
    let mo = app.merchant("Mo").await;
    let deal = app.deal(&mo).publish().await.id;
    let first = begin_with(&app, &format!("SELECT FROM deals WHERE id = '{deal}' FOR UPDATE")).await;
    let later = commit_once_awaited(&app, first, async || app.clock.advance(Duration::from_hours(2)).await);
    let (withdrawn, ()) = tokio::join!(app.engine.withdraw(mo.merchant_id(), deal, "ill"), later);
    assert!(matches!(withdrawn.unwrap(), WithdrawOutcome::Withdrawn(_)));
    let after = "SELECT extract(epoch FROM ended_at - published_at) FROM deals";
    assert!(app.backend.query_i64(after).await >= 7_200);
    app.assert_clean().await;
}

#[tokio::test]
async fn the_closer_skips_a_deal_that_is_being_withdrawn() {
    let app = support::app().start().await;
    let mo = app.merchant("Mo").await;
    let deal = app.deal(&mo).publish().await.id;
    app.clock.advance(DAY).await;
    let mut first = begin_with(&app, &format!("SELECT withdraw_deal('{deal}', '{}', 'ill')", mo.merchant_id())).await;
    assert_eq!(query_without_waiting(&app, "SELECT count(*) FROM close_due_deals(10)").await, Some(0));
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
    let anns = joined(app.engine_join(&ann, deal, 1, "a").await).id;
    let tips = join_request(&bob, deal, 1, "a").id;
    let first =
        begin_with(&app, &format!("SELECT commit_signups('{{{tips}}}', '{{{deal}}}', '{{{}}}', '{{1}}')", bob.id))
            .await;
    let (left, ()) = tokio::join!(app.engine_leave(&ann, anns), commit_once_awaited(&app, first, async || {}));
    assert_eq!(left, LeaveOutcome::AlreadyTipped);
    assert_eq!(app.counts(deal).await, (2, 2));
    app.settle_now().await;
    app.assert_clean().await;
}

fn till() -> Till {
    Till::parse("till").unwrap()
}

/// A merchant, and the code of a coupon.
async fn coupon(app: &TestApp) -> (support::Person, muster::domain::CouponCode) {
    let (mo, ann) = (app.merchant("Mo").await, app.buyer("Ann").await);
    let deal = app.deal(&mo).tipping_point(1).publish().await.id;
    joined(app.engine_join(&ann, deal, 1, "a").await);
    app.settle_now().await;
    (mo, app.engine.coupons(ann.id, &PageRequest::first(1)).await.unwrap().items.remove(0).code)
}

#[tokio::test]
async fn a_coupon_that_expired_while_redeeming_waited_is_not_redeemed() {
    let app = support::app().start().await;
    let (mo, code) = coupon(&app).await;
    let (shop, till) = ([mo.merchant_id()], till());
    let first = begin_with(&app, "SELECT FROM coupons FOR UPDATE").await;
    let later = commit_once_awaited(&app, first, async || app.clock.advance(91 * DAY).await);
    let (redeemed, ()) = tokio::join!(app.engine.redeem(mo.id, &shop, &till, &code, None), later);
    assert!(matches!(redeemed.unwrap(), RedeemOutcome::Expired));
    app.close_now().await;
    app.deliver_now().await;
    app.assert_clean().await;
}

#[tokio::test]
async fn a_redemption_that_waited_for_another_is_refused() {
    let app = support::app().start().await;
    let (mo, code) = coupon(&app).await;
    let (shop, till) = ([mo.merchant_id()], till());
    let redeemed =
        format!("UPDATE coupons SET redeemed_at = muster_now(), redeemed_by = '{}', redeemed_where = 'x'", mo.id);
    let first = begin_with(&app, &redeemed).await;
    let (second, ()) = tokio::join!(
        app.engine.redeem(mo.id, &shop, &till, &code, None),
        commit_once_awaited(&app, first, async || {})
    );
    assert!(matches!(second.unwrap(), RedeemOutcome::AlreadyRedeemed(_)));
    app.assert_clean().await;
}

/// Two workers of one kind neither wait for nor repeat each other's work.
#[tokio::test]
async fn workers_skip_rows_that_another_worker_has_locked() {
    let app = support::app().start().await;
    let mo = app.merchant("Mo").await;
    let people = app.people("Pat", 3).await;
    let deal = app.deal(&mo).tipping_point(3).publish().await.id;
    for person in &people {
        joined(app.engine_join(person, deal, 1, "a").await);
    }
    assert_eq!(app.store.settler().await.unwrap().unsettled(100).await.unwrap().len(), 3);
    let settle = "SELECT issue_coupons(array_agg(DISTINCT deal), ARRAY[0], ARRAY[max(rev)], array_agg(deal), array_agg(id),
                                        array_agg(buyer), array_agg(1), array_agg(id), array_agg(sha256(id::text::bytea)),
                                        1::smallint, 2::smallint) FROM signups";
    let mut settler = begin_with(&app, settle).await;
    assert_eq!(query_without_waiting(&app, settle).await, Some(0));
    settler.execute("ROLLBACK").await.unwrap();
    app.settle_now().await;

    let mut expander = begin_with(&app, "SELECT expand_outbox(10)").await;
    assert_eq!(query_without_waiting(&app, "SELECT expand_outbox(10)").await, None);
    expander.execute("COMMIT").await.unwrap();
    let mut sender = begin_with(&app, "SELECT claim_outbox(100)").await;
    assert_eq!(query_without_waiting(&app, "SELECT count(*) FROM claim_outbox(100)").await, Some(0));
    sender.execute("ROLLBACK").await.unwrap();

    app.clock.advance(DAY).await;
    app.close_now().await;
    let mut other = begin_with(&app, "SELECT FROM deals FOR UPDATE").await;
    query_without_waiting(&app, "SELECT count(*) FROM (SELECT mark_settled_deals()) AS marked").await;
    other.execute("ROLLBACK").await.unwrap();
    app.settle_now().await;
    assert_eq!(app.backend.query_i64("SELECT count(all_settled_at) FROM deals").await, 1);
    app.deliver_now().await;
    app.assert_clean().await;
}

/// The writer also finishes what follows its statement: the update of Redis.
#[tokio::test]
async fn a_cancelled_writer_still_commits_and_updates_redis() {
    let app = support::app().start().await;
    let (mo, ann) = (app.merchant("Mo").await, app.buyer("Ann").await);
    let deal = app.deal(&mo).publish().await.id;
    joined(app.engine_join(&ann, deal, 1, "a").await);
    app.backend.wait_until_nothing_is_held(deal).await;
    let lock = app.backend.lock_deal(deal).await;
    let (engine, merchant) = (app.engine.clone(), mo.merchant_id());
    let handler = tokio::spawn(async move { engine.withdraw(merchant, deal, "ill").await });
    wait_until("the withdrawal waits for the deal", async || app.backend.waiting_for_locks().await == 1).await;
    handler.abort();
    assert!(handler.await.unwrap_err().is_cancelled());
    lock.unlock().await;
    let (mut redis, quota) = (app.backend.redis().await, Keys::new(&app.backend.name).quota(deal));
    wait_until("Redis has the state withdrawn", async || {
        redis.hget::<_, _, String>(&quota, "state").await.unwrap() == "withdrawn"
    })
    .await;
    app.assert_clean().await;
}

/// Two settlers have read the same signups. The second is too late for all of them, or for the first of them.
#[tokio::test]
async fn a_settler_issues_nothing_that_another_settled_after_its_read() {
    let app = support::app().start().await;
    let mo = app.merchant("Mo").await;
    let people = app.people("Pat", 3).await;
    let deal = app.deal(&mo).tipping_point(3).publish().await.id;
    for person in &people {
        joined(app.engine_join(person, deal, 1, "a").await);
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
    assert_eq!(settle(chunk(1, 3)).await, 0, "nothing is issued before the first is settled");
    assert_eq!(settle(chunk(0, 1)).await, 1);
    assert_eq!(settle(chunk(0, 1)).await, 0, "all of them are settled");
    assert_eq!(settle(chunk(0, 3)).await, 0, "the first of them is settled");
    assert_eq!(settle(chunk(1, 3)).await, 2);
    assert!(settler.unsettled(100).await.unwrap().is_empty());
    assert_eq!(app.backend.query_i64("SELECT count(*) FROM coupons").await, 3);
}
