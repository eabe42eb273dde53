use muster::quota::Answer;
use redis::AsyncCommands;

use super::harness::HOLD_TTL;
use super::{Harness, new_buyer, new_deal, open, request};

#[tokio::test]
async fn renewing_extends_a_hold_and_its_keys() {
    let harness = Harness::start().await;
    let deal = new_deal();
    harness.load(open(deal), &[]).await;
    let join = request(deal, new_buyer(), 1);
    harness.admit_one(join).await;
    harness.expire_hold(deal, join.id).await;
    let mut redis = harness.redis.clone();
    for key in [harness.keys.holds(deal), harness.keys.held(deal)] {
        let () = redis.pexpire(&key, 1_000).await.unwrap();
    }
    for _ in 0..2 {
        harness.quota.renew(deal, &[join.id]).await;
    }
    harness.admit_one(request(deal, new_buyer(), 1)).await;
    assert!(harness.quota.is_held(deal, join.id).await.unwrap(), "the hold did not expire");
    let ttl = i64::try_from(HOLD_TTL.as_millis()).unwrap();
    for key in [harness.keys.holds(deal), harness.keys.held(deal)] {
        let expires_in: i64 = redis.pttl(&key).await.unwrap();
        assert!(expires_in > ttl, "{key} expires in {expires_in} ms");
    }
}

#[tokio::test]
async fn renewing_does_not_revive_a_released_hold() {
    let harness = Harness::start().await;
    let deal = new_deal();
    harness.load(open(deal), &[]).await;
    let [kept, released] = [request(deal, new_buyer(), 1), request(deal, new_buyer(), 2)];
    harness.admit(&[kept, released]).await;
    harness.quota.release(deal, &[released.id]).await;
    harness.quota.renew(deal, &[released.id, kept.id]).await;
    assert_eq!(harness.holds(deal).await.units, 1);
    let expiries: Vec<String> = harness.redis.clone().zrange(harness.keys.holds(deal), 0, -1).await.unwrap();
    assert_eq!(expiries, [kept.id.to_string()]);

    let never = new_deal();
    harness.quota.renew(never, &[kept.id]).await;
    let left: bool =
        harness.redis.clone().exists(&[harness.keys.holds(never), harness.keys.held(never)]).await.unwrap();
    assert!(!left);
}

#[tokio::test]
async fn renewing_does_not_count_a_hold_twice() {
    let harness = Harness::start().await;
    let deal = new_deal();
    harness.load(muster::domain::Progress { cap: Some(10), ..open(deal) }, &[]).await;
    let join = request(deal, new_buyer(), 1);
    harness.admit_one(join).await;
    harness.quota.renew(deal, &[join.id]).await;
    assert_eq!(harness.admit_one(join).await, Answer::Admitted);
    assert_eq!(harness.holds(deal).await.units, 1);
}
