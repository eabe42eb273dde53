//! `muster seed` creates deals in every state, once.

use std::collections::HashSet;
use std::time::Duration;

use chrono::TimeDelta;
use muster::dev::seed::{DEMO_BUYER, DEMO_MERCHANT, Seeder};
use muster::domain::{CouponState, Deal, DealId, DealState, Email, JoinOutcome, SignupState};
use muster::people::Account;
use muster::store::PageRequest;
use secrecy::SecretString;

use crate::support::app::Node;
use crate::support::fault::wait_until;
use crate::support::{self, TestApp};

const EVERYTHING: PageRequest = PageRequest { limit: 10_000, cursor: None };

fn seeder(node: &Node) -> Seeder<'_> {
    Seeder { engine: &node.engine, store: &node.store, auth: &node.auth, report: |_, _| {} }
}

/// A node with its own Redis. Sample deals have fixed ids, and the audit checks every key of a deal in the whole Redis.
async fn app_with_own_servers() -> TestApp {
    support::app().with_private_servers().start().await
}

async fn seeded(node: &Node) -> Vec<DealId> {
    seeder(node).seed().await.unwrap().created
}

async fn deals(node: &Node, ids: &[DealId]) -> Vec<Deal> {
    let mut deals = node.store.deals_by_id(ids).await.unwrap();
    deals.sort_by_key(|deal| deal.id);
    deals
}

async fn demo(node: &Node, email: &str, password: &str) -> Account {
    let account = node.auth.check_password(&Email::parse(email).unwrap(), &SecretString::from(password)).await;
    account.unwrap().expect("the demo account signs in")
}

#[tokio::test]
async fn seeding_covers_every_state_that_a_page_can_show_and_passes_the_audit() {
    let app = app_with_own_servers().await;
    let ids = seeded(&app).await;
    let now = app.nodes[0].clock.now();
    let deals = deals(&app, &ids).await;
    assert_eq!(deals.len(), 21);
    let some = |what: &str, is: &dyn Fn(&Deal) -> bool| assert!(deals.iter().any(is), "no deal is {what}");
    let almost = |deal: &Deal| deal.progress.buyers * 5 >= deal.progress.tipping_point * 4;
    some("a draft", &|d| d.progress.state == DealState::Draft);
    some("opening later", &|d| d.opens_later(now));
    some("open", &|d| d.takes_joins(now) && d.progress.needed() > 0 && !almost(d));
    some("almost there", &|d| d.takes_joins(now) && d.progress.needed() > 0 && almost(d));
    some("on", &|d| d.progress.state == DealState::Tipped && d.takes_joins(now));
    some("sold out", &|d| d.progress.state == DealState::Tipped && d.progress.sold_out());
    some("succeeded", &|d| d.progress.state == DealState::Succeeded);
    some("failed", &|d| d.progress.state == DealState::Failed);
    some("withdrawn", &|d| d.progress.state == DealState::Withdrawn && d.lifecycle.withdrawn_reason().is_some());
    app.assert_clean().await;
}

#[tokio::test]
async fn seeding_is_idempotent() {
    let app = support::app().start().await;
    let ids = seeded(&app).await;
    let before = deals(&app, &ids).await;
    let again = seeder(&app).seed().await.unwrap();
    assert_eq!(again.created, []);
    let found: HashSet<DealId> = again.existing.into_iter().collect();
    assert_eq!(found, ids.iter().copied().collect());
    assert_eq!(again.showcase.len(), 3);
    assert_eq!(deals(&app, &ids).await, before);
}

#[tokio::test]
async fn seeded_history_is_in_the_past_and_in_order() {
    let app = support::app().start().await;
    let ids = seeded(&app).await;
    let now = app.nodes[0].clock.now();
    for deal in deals(&app, &ids).await {
        let (title, opens_at) = (&deal.terms.title, deal.terms.opens_at);
        assert!(deal.created_at <= now, "{title}");
        assert!(deal.lifecycle.ended_at().is_none_or(|ended| opens_at < ended && ended < now), "{title}");
        let signups = app.store.signups_of_deal(&[deal.merchant], deal.id, &EVERYTHING).await.unwrap().unwrap().items;
        let revs: Vec<i64> = signups.iter().map(|joined| joined.signup.rev).collect();
        assert!(revs.is_sorted(), "{title}: signups are ordered by time and rev alike");
        let in_window = |at| opens_at < at && at < now && deal.lifecycle.ended_at().is_none_or(|ended| at < ended);
        assert!(signups.iter().all(|joined| in_window(joined.signup.joined_at)), "{title}");
        if let Some(tipped_at) = deal.lifecycle.tipped_at() {
            let before = signups.iter().filter(|joined| joined.signup.joined_at < tipped_at);
            let staying = before.filter(|joined| joined.signup.state == SignupState::Active).count();
            assert_eq!(staying + 1, deal.terms.tipping_point as usize, "{title}");
        }
    }
}

#[tokio::test]
async fn seeded_history_sends_no_mail() {
    let app = support::app().start().await;
    seeded(&app).await;
    app.deliver_now().await;
    assert_eq!(app.mails(), Vec::<String>::new());
}

#[tokio::test]
async fn the_demo_accounts_can_sign_in_and_have_data() {
    let app = support::app().start().await;
    seeded(&app).await;
    let buyer = demo(&app, DEMO_BUYER.email, DEMO_BUYER.password).await;
    let merchant = demo(&app, DEMO_MERCHANT.email, DEMO_MERCHANT.password).await;
    let signups = app.store.signups_of_buyer(buyer.id, &EVERYTHING).await.unwrap().items;
    let states: HashSet<DealState> = deals(&app, &signups.iter().map(|s| s.deal).collect::<Vec<_>>())
        .await
        .iter()
        .map(|d| d.progress.state)
        .collect();
    let expected = [DealState::Open, DealState::Tipped, DealState::Succeeded, DealState::Failed, DealState::Withdrawn];
    assert_eq!(states, HashSet::from(expected));
    assert_eq!(signups.iter().filter(|signup| signup.state == SignupState::Left).count(), 1);
    let coupons = app.engine.coupons(buyer.id, &EVERYTHING).await.unwrap().items;
    assert_eq!(coupons.iter().filter(|coupon| coupon.state == CouponState::Redeemed).count(), 1);
    assert!(coupons.iter().filter(|coupon| coupon.state == CouponState::Issued).count() >= 5);
    let shops: Vec<_> = app.store.merchants_of(merchant.id).await.unwrap().iter().map(|shop| shop.id).collect();
    assert_eq!(app.store.last_redemptions(&shops, 10).await.unwrap().len(), 10);
    let shared = "SELECT count(*) FROM merchants JOIN accounts USING (id)";
    assert_eq!(app.backend.query_i64(shared).await, 0, "no merchant shares its owner's id");
}

#[tokio::test]
async fn an_interrupted_seeding_resumes_where_it_stopped() {
    let app = app_with_own_servers().await;
    let some_deals_exist =
        wait_until("some deals exist", async || app.backend.query_i64("SELECT count(*) FROM deals").await > 3);
    let seeder_to_kill = seeder(&app);
    tokio::select! {
        _ = seeder_to_kill.seed() => panic!("seeding was not interrupted"),
        () = some_deals_exist => {}
    }
    app.engine.drain().await;
    let outcome = seeder(&app).seed().await.unwrap();
    assert_eq!(outcome.created.len() + outcome.existing.len(), 21);
    assert!(!outcome.created.is_empty() && !outcome.existing.is_empty(), "seeding is interrupted in the middle");
    assert_eq!(seeder(&app).seed().await.unwrap().created, []);
    app.assert_clean().await;
}

#[tokio::test]
async fn samples_whose_window_has_ended_are_offered_again() {
    let app = app_with_own_servers().await;
    let first = seeded(&app).await;
    app.clock.advance(Duration::from_hours(24 * 30)).await;
    app.close_now().await;
    let again = seeder(&app).seed().await.unwrap();
    assert!(again.created.iter().all(|id| !first.contains(id)));
    let offered: Vec<Deal> = deals(&app, &again.created).await;
    assert!(offered.iter().all(|deal| deal.progress.state.sells()));
    assert!(offered.len() >= 14, "only {} are offered again", offered.len());
    app.assert_clean().await;
}

#[tokio::test]
async fn a_tipped_showcase_deal_is_replaced_by_a_fresh_one() {
    let app = app_with_own_servers().await;
    seeded(&app).await;
    let showcase = seeder(&app).ensure_showcase().await.unwrap();
    assert_eq!(seeder(&app).ensure_showcase().await.unwrap(), showcase);
    let shown = deals(&app, &showcase).await;
    let points: HashSet<u32> = shown.iter().map(|deal| deal.terms.tipping_point).collect();
    assert_eq!(points, HashSet::from([12, 25, 40]));
    let now = app.nodes[0].clock.now();
    assert!(shown.iter().all(|deal| deal.takes_joins(now) && deal.terms.closes_at - now > TimeDelta::days(2)));

    let pottery = shown.iter().find(|deal| deal.terms.tipping_point == 12).unwrap();
    for buyer in app.people("Ann", 9).await {
        let outcome = app.engine_join(&buyer, pottery.id, 1, "1").await;
        assert!(matches!(outcome, JoinOutcome::Joined(_)), "{outcome:?}");
    }
    let fresh = seeder(&app).ensure_showcase().await.unwrap();
    assert_eq!(fresh.iter().filter(|id| !showcase.contains(id)).count(), 1);
    let before = app.store.deal(pottery.id).await.unwrap().unwrap();
    assert_eq!(before.progress.state, DealState::Succeeded);
    app.settle_now().await;
    app.assert_clean().await;
}
