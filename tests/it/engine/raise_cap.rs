use std::time::Duration;

use futures_util::future::join_all;
use muster::domain::{DealId, MerchantId, Refusal};
use muster::engine::RaiseCapOutcome;
use muster::quota::Keys;

use super::with_redis_and_without;
use crate::support::outcomes::{joined, refused};
use crate::support::{self, TestApp};

/// Runs the raises concurrently, because each waits for a second.
async fn raise_all<const N: usize>(
    app: &TestApp,
    raises: [(MerchantId, DealId, Option<u32>); N],
) -> [RaiseCapOutcome; N] {
    let raises = raises.map(|(merchant, deal, cap)| app.engine.raise_cap(merchant, deal, cap));
    join_all(raises).await.into_iter().map(Result::unwrap).collect::<Vec<_>>().try_into().unwrap()
}

#[tokio::test]
async fn a_cap_can_be_raised_or_removed_but_never_lowered() {
    for app in with_redis_and_without().await {
        let (mo, ann, bob) = (app.merchant("Mo").await, app.buyer("Ann").await, app.buyer("Bob").await);
        let deals = [app.deal(&mo).tipping_point(1).cap(1), app.deal(&mo).tipping_point(2).cap(2), app.deal(&mo)];
        let [raised, uncapped, unlimited] = deals.map(|deal| async move { deal.publish().await.id });
        let [raised, uncapped, unlimited] = [raised.await, uncapped.await, unlimited.await];
        joined(app.engine_join(&ann, raised, 1, "a").await);
        app.backend.wait_until_nothing_is_held(raised).await;
        assert_eq!(refused(app.engine_join(&bob, raised, 1, "a").await), Refusal::SoldOut);
        let before = app.store.deal(raised).await.unwrap().unwrap();
        let outcomes = raise_all(&app, [(mo.merchant_id(), raised, Some(2)), (mo.merchant_id(), uncapped, None)]).await;
        let expected = [(raised, Some(2)), (uncapped, None)];
        for (outcome, (deal, cap)) in outcomes.into_iter().zip(expected) {
            let RaiseCapOutcome::Raised(progress) = outcome else { panic!("not raised: {outcome:?}") };
            assert_eq!((progress.cap, progress), (cap, app.progress(deal).await));
        }
        let after = app.store.deal(raised).await.unwrap().unwrap();
        assert!(after.version > before.version && after.progress.rev == before.progress.rev + 1);
        assert_eq!(joined(app.engine_join(&bob, raised, 1, "a").await).progress.left(), Some(0));

        let rejected: [(MerchantId, DealId, Option<u32>); 4] = [
            (mo.merchant_id(), raised, Some(1)),
            (mo.merchant_id(), unlimited, Some(1_000)),
            (mo.merchant_id(), raised, Some(2)),
            (mo.merchant_id(), uncapped, None),
        ];
        let [lower, capped, same, none] = raise_all(&app, rejected).await;
        assert_eq!([lower, capped], [RaiseCapOutcome::NotInBuyersFavour; 2]);
        assert_eq!(same, RaiseCapOutcome::Unchanged(app.progress(raised).await));
        assert_eq!(none, RaiseCapOutcome::Unchanged(app.progress(uncapped).await));
        app.settle_now().await;
        app.deliver_now().await;
        app.assert_clean().await;
    }
}

#[tokio::test]
async fn only_its_merchant_can_raise_the_cap_and_only_while_the_deal_sells() {
    let app = support::app().start().await;
    let (mo, jo) = (app.merchant("Mo").await, app.merchant("Jo").await);
    let draft = app.deal(&mo).cap(20).draft().await.id;
    let [over, down] = [app.deal(&mo).cap(20).publish().await.id, app.deal(&mo).cap(20).publish().await.id];
    app.engine.withdraw(mo.merchant_id(), down, "ill").await.unwrap();
    app.clock.advance(Duration::from_hours(25)).await;
    let more = Some(30);
    let raises =
        [(jo.merchant_id(), over, more), (mo.merchant_id(), DealId::generate(), more), (mo.merchant_id(), draft, more)];
    let outcomes = raise_all(&app, raises).await;
    let expected = [RaiseCapOutcome::NoSuchDeal, RaiseCapOutcome::NoSuchDeal, RaiseCapOutcome::NotPublished];
    assert_eq!(outcomes, expected);
    // Both deals are closed, even though no closer has run.
    assert_eq!(
        raise_all(&app, [(mo.merchant_id(), over, more), (mo.merchant_id(), down, more)]).await,
        [RaiseCapOutcome::Closed; 2]
    );
}

#[tokio::test]
async fn raising_the_cap_updates_redis_immediately_and_without_a_gap() {
    let app = support::app().start().await;
    let (mo, ann) = (app.merchant("Mo").await, app.buyer("Ann").await);
    let deal = app.deal(&mo).cap(20).publish().await.id;
    joined(app.engine_join(&ann, deal, 1, "a").await);
    app.backend.wait_until_nothing_is_held(deal).await;
    app.engine.raise_cap(mo.merchant_id(), deal, Some(30)).await.unwrap();
    let in_redis: (u32, i64, i64) = redis::cmd("HMGET")
        .arg(Keys::new(&app.backend.name).quota(deal))
        .arg(&["cap", "rev", "applied"])
        .query_async(&mut app.backend.redis().await)
        .await
        .unwrap();
    let rev = app.progress(deal).await.rev;
    assert_eq!(in_redis, (30, rev, rev));
}
