use muster::domain::SignupId;
use redis::AsyncCommands;

use super::{Harness, new_buyer, new_deal, open, request};

async fn release(harness: &Harness, deal: muster::domain::DealId, signups: &[SignupId]) -> (String, u32) {
    let keys = [harness.keys.holds(deal), harness.keys.held(deal)];
    let signups: Vec<_> = signups.iter().map(ToString::to_string).collect();
    let signups: Vec<_> = signups.iter().map(String::as_str).collect();
    redis::from_redis_value(harness.run("release", &keys, &signups).await.unwrap()).unwrap()
}

#[tokio::test]
async fn a_hold_is_released_once() {
    let harness = Harness::start().await;
    let deal = new_deal();
    harness.load(open(deal), &[]).await;
    let [one, two] = [request(deal, new_buyer(), 2), request(deal, new_buyer(), 3)];
    harness.admit(&[one, two]).await;
    assert_eq!(release(&harness, deal, &[one.id, one.id]).await, ("released".to_owned(), 1));
    assert_eq!(release(&harness, deal, &[one.id]).await, ("released".to_owned(), 0));
    assert_eq!(harness.holds(deal).await.units, 3);
    assert_eq!(release(&harness, deal, &[two.id]).await, ("released".to_owned(), 1));
    assert_eq!((harness.holds(deal).await.units, harness.holds(deal).await.new), (0, 0));
}

#[tokio::test]
async fn releasing_a_hold_that_never_existed_leaves_nothing_behind() {
    let harness = Harness::start().await;
    let deal = new_deal();
    assert_eq!(release(&harness, deal, &[request(deal, new_buyer(), 1).id]).await.1, 0);
    assert_eq!(release(&harness, deal, &[]).await.1, 0);
    let left: bool = harness.redis.clone().exists(&[harness.keys.holds(deal), harness.keys.held(deal)]).await.unwrap();
    assert!(!left);
}
