use muster::domain::SignupId;
use redis::AsyncCommands;

use super::{Table, new_deal, open, request, someone};

async fn release(table: &Table, deal: muster::domain::DealId, signups: &[SignupId]) -> (String, u32) {
    let keys = [table.keys.holds(deal), table.keys.held(deal)];
    let signups: Vec<_> = signups.iter().map(ToString::to_string).collect();
    let signups: Vec<_> = signups.iter().map(String::as_str).collect();
    redis::from_redis_value(table.run("release", &keys, &signups).await.unwrap()).unwrap()
}

#[tokio::test]
async fn a_place_is_released_once() {
    let table = Table::lay().await;
    let deal = new_deal();
    table.load(open(deal), &[]).await;
    let [one, two] = [request(deal, someone(), 2), request(deal, someone(), 3)];
    table.admit(&[one, two]).await;
    assert_eq!(release(&table, deal, &[one.id, one.id]).await, ("released".to_owned(), 1));
    assert_eq!(release(&table, deal, &[one.id]).await, ("released".to_owned(), 0));
    assert_eq!(table.holds(deal).await.units, 3);
    assert_eq!(release(&table, deal, &[two.id]).await, ("released".to_owned(), 1));
    assert_eq!((table.holds(deal).await.units, table.holds(deal).await.new), (0, 0));
}

#[tokio::test]
async fn releasing_a_place_that_was_never_held_leaves_nothing_behind() {
    let table = Table::lay().await;
    let deal = new_deal();
    assert_eq!(release(&table, deal, &[request(deal, someone(), 1).id]).await.1, 0);
    assert_eq!(release(&table, deal, &[]).await.1, 0);
    let left: bool = table.redis.clone().exists(&[table.keys.holds(deal), table.keys.held(deal)]).await.unwrap();
    assert!(!left);
}
