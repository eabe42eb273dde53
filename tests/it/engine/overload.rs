use futures_util::StreamExt;
use muster::domain::{JoinOutcome, LeaveOutcome};

use crate::support::fault::wait_until;
use crate::support::outcomes::joined;
use crate::support::people::join_request;
use crate::support::{self};

/// The lane has room for two requests and one of them is being recorded, so the third finds it full.
#[tokio::test]
async fn a_full_lane_answers_busy_before_touching_redis() {
    let tight = support::app().with("lanes.count", "1").with("lanes.batch_max", "1").with("lanes.queue_max", "2");
    let app = tight.with("lanes.deal_share_percent", "100").start().await;
    let mo = app.merchant("Mo").await;
    let people = app.people("Pat", 4).await;
    let deal = app.deal(&mo).publish().await.id;
    let first = joined(app.engine_join(&people[0], deal, 1, "a").await);
    let lock = app.backend.lock_deal(deal).await;
    let engine = &app.engine;
    let [under_way, waits, too_many] = [1, 2, 3].map(|n: usize| join_request(&people[n], deal, 1, "a"));
    let overload = async {
        wait_until("a batch is being recorded", async || app.backend.waiting_for_locks().await == 1).await;
        let client = redis::Client::open(app.backend.redis_url.as_str()).unwrap();
        let mut monitor = client.get_async_monitor().await.unwrap().into_on_message::<String>();
        assert!(matches!(engine.join(too_many).await, JoinOutcome::Busy { retry_after_s: 1.. }));
        assert!(matches!(app.engine_leave(&people[0], first.id).await, LeaveOutcome::Busy { retry_after_s: 1.. }));
        let end = format!("the end of {}", app.backend.name);
        let () = redis::cmd("ECHO").arg(&end).query_async(&mut app.backend.redis().await).await.unwrap();
        loop {
            let command = monitor.next().await.unwrap();
            if command.contains(&end) {
                break;
            }
            assert!(!command.contains(&too_many.id.to_string()), "{command}");
        }
        lock.unlock().await;
    };
    let (under_way, waits, ()) = tokio::join!(engine.join(under_way), engine.join(waits), overload);
    joined(under_way);
    joined(waits);
    joined(engine.join(too_many).await);
    app.assert_clean().await;
}

#[tokio::test]
async fn a_rush_on_one_deal_leaves_slots_for_other_deals_of_its_lane() {
    let tight = support::app().with("lanes.count", "1").with("lanes.batch_max", "2").with("lanes.queue_max", "8");
    let app = tight.with("lanes.deal_share_percent", "50").start().await;
    let mo = app.merchant("Mo").await;
    let people = app.people("Pat", 10).await;
    let [hot, quiet] = [app.deal(&mo).publish().await.id, app.deal(&mo).publish().await.id];
    let lock = app.backend.lock_deal(hot).await;
    let rush = people.iter().map(|person| app.engine_join(person, hot, 1, "a"));
    let others = async {
        wait_until("a batch is being recorded", async || app.backend.waiting_for_locks().await == 1).await;
        let quiet = app.engine_join(&people[0], quiet, 1, "a");
        let unlock = async { lock.unlock().await };
        tokio::join!(quiet, unlock).0
    };
    let (rush, other) = tokio::join!(futures_util::future::join_all(rush), others);
    joined(other);
    let shed = rush.iter().filter(|outcome| matches!(outcome, JoinOutcome::Busy { .. })).count();
    assert_eq!(shed, 6, "this deal may use half of the eight slots: {rush:?}");
    app.assert_clean().await;
}

/// A join waits in the queue no longer than its client should wait for the response.
#[tokio::test]
async fn a_join_that_waited_too_long_is_answered_busy_and_its_hold_released() {
    let hasty =
        support::app().with("lanes.count", "1").with("lanes.batch_max", "1").with("lanes.queue_wait_max_ms", "20");
    let app = hasty.start().await;
    let mo = app.merchant("Mo").await;
    let people = app.people("Pat", 2).await;
    let deal = app.deal(&mo).tipping_point(2).cap(2).publish().await.id;
    let lock = app.backend.lock_deal(deal).await;
    let first = app.engine_join(&people[0], deal, 1, "a");
    let second = async {
        wait_until("the first join is being recorded", async || app.backend.waiting_for_locks().await == 1).await;
        let outcome = app.engine_join(&people[1], deal, 1, "a").await;
        lock.unlock().await;
        outcome
    };
    let (first, second) = tokio::join!(first, second);
    joined(first);
    assert!(matches!(second, JoinOutcome::Busy { retry_after_s: 1.. }), "{second:?}");
    joined(app.engine_join(&people[1], deal, 1, "a").await);
    app.settle_now().await;
    app.assert_clean().await;
}
