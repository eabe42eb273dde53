use muster::domain::DealState;

use super::with_redis_and_without;
use crate::support::outcomes::joined;

#[tokio::test]
async fn reaching_the_tipping_point_tips_the_deal_and_records_one_event() {
    for app in with_redis_and_without().await {
        let mo = app.merchant("Mo").await;
        let people = app.people("Pat", 5).await;
        let deal = app.deal(&mo).tipping_point(3).publish().await.id;
        let events = "SELECT count(*) FROM outbox WHERE kind = 'deal_tipped' AND account IS NULL";
        for (person, state) in people.iter().zip([DealState::Open, DealState::Open, DealState::Tipped]) {
            for key in ["a", "b"] {
                let progress = joined(app.engine_join(person, deal, 1, key).await).progress;
                assert_eq!(progress.state, state, "buyers count, not units");
            }
        }
        let stored = app.store.deal(deal).await.unwrap().unwrap();
        assert_eq!(app.backend.query_i64(events).await, 1);
        for person in &people[3..] {
            assert_eq!(joined(app.engine_join(person, deal, 2, "a").await).progress.state, DealState::Tipped);
        }
        assert_eq!(app.backend.query_i64(events).await, 1, "the deal keeps selling and tips once");
        let later = app.store.deal(deal).await.unwrap().unwrap();
        assert!(stored.lifecycle.tipped_at().is_some() && later.lifecycle == stored.lifecycle);
        app.settle_now().await;
        app.assert_clean().await;
    }
}

#[tokio::test]
async fn every_buyer_of_a_tipped_deal_is_mailed_once() {
    let [app, _] = with_redis_and_without().await;
    let mo = app.merchant("Mo").await;
    let people = app.people("Pat", 3).await;
    let deal = app.deal(&mo).tipping_point(2).publish().await.id;
    let left = joined(app.engine_join(&people[2], deal, 1, "a").await);
    app.engine_leave(&people[2], left.id).await;
    for person in &people[..2] {
        joined(app.engine_join(person, deal, 2, "a").await);
    }
    app.settle_now().await;
    app.deliver_now().await;
    app.deliver_now().await;
    let subjects: Vec<_> = app
        .mails()
        .iter()
        .filter_map(|mail| mail.lines().find(|l| l.starts_with("Subject:")).map(str::to_owned))
        .collect();
    let count = |what: &str| subjects.iter().filter(|subject| subject.contains(what)).count();
    assert_eq!((count("It is on"), count("Your coupons")), (2, 2), "{subjects:?}");
    assert_eq!(subjects.len(), 4);
    app.assert_clean().await;
}
