use muster::quota::Answer;
use redis::AsyncCommands;

use super::table::HOLD_TTL;
use super::{Table, new_deal, open, request, someone};

#[tokio::test]
async fn renewing_extends_a_hold_and_its_keys() {
    let table = Table::lay().await;
    let deal = new_deal();
    table.load(open(deal), &[]).await;
    let join = request(deal, someone(), 1);
    table.ask(join).await;
    table.end_hold(deal, join.id).await;
    let mut redis = table.redis.clone();
    for key in [table.keys.holds(deal), table.keys.held(deal)] {
        let () = redis.pexpire(&key, 1_000).await.unwrap();
    }
    for _ in 0..2 {
        table.quota.renew(deal, &[join.id]).await;
    }
    table.ask(request(deal, someone(), 1)).await;
    assert!(table.quota.is_held(deal, join.id).await.unwrap(), "it did not end");
    let ttl = i64::try_from(HOLD_TTL.as_millis()).unwrap();
    for key in [table.keys.holds(deal), table.keys.held(deal)] {
        let ends_in: i64 = redis.pttl(&key).await.unwrap();
        assert!(ends_in > ttl, "{key} ends in {ends_in} ms");
    }
}

#[tokio::test]
async fn a_hold_that_is_gone_stays_gone() {
    let table = Table::lay().await;
    let deal = new_deal();
    table.load(open(deal), &[]).await;
    let [kept, gone] = [request(deal, someone(), 1), request(deal, someone(), 2)];
    table.admit(&[kept, gone]).await;
    table.quota.release(deal, &[gone.id]).await;
    table.quota.renew(deal, &[gone.id, kept.id]).await;
    assert_eq!(table.holds(deal).await.units, 1);
    let ends: Vec<String> = table.redis.clone().zrange(table.keys.holds(deal), 0, -1).await.unwrap();
    assert_eq!(ends, [kept.id.to_string()]);

    let never = new_deal();
    table.quota.renew(never, &[kept.id]).await;
    let left: bool = table.redis.clone().exists(&[table.keys.holds(never), table.keys.held(never)]).await.unwrap();
    assert!(!left);
}

#[tokio::test]
async fn renewing_does_not_count_a_hold_twice() {
    let table = Table::lay().await;
    let deal = new_deal();
    table.load(muster::domain::Progress { cap: Some(10), ..open(deal) }, &[]).await;
    let join = request(deal, someone(), 1);
    table.ask(join).await;
    table.quota.renew(deal, &[join.id]).await;
    assert_eq!(table.ask(join).await, Answer::Admitted);
    assert_eq!(table.holds(deal).await.units, 1);
}
