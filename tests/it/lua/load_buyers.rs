use muster::quota::{Begun, BuyerUnits};
use redis::AsyncCommands;

use super::{Table, new_deal, open, someone};

#[tokio::test]
async fn a_chunk_may_come_twice_and_never_overwrites_newer_buyers() {
    let table = Table::lay().await;
    let deal = new_deal();
    let Begun::Begun(load) = table.quota.begin_load(deal).await.unwrap() else { panic!("not begun") };
    let (early, late) = (someone(), someone());
    let newer = BuyerUnits { buyer: late, units: 0, rev: 9 };
    table.apply(muster::domain::Progress { rev: 9, ..open(deal) }, 8, &[], &[newer]).await;
    let chunk = [BuyerUnits { buyer: early, units: 2, rev: 3 }, BuyerUnits { buyer: late, units: 4, rev: 5 }];
    for _ in 0..2 {
        load.buyers(&chunk).await.unwrap().unwrap();
        let known = table.quota.buyers(deal).await.unwrap();
        assert_eq!((known[&early], known[&late]), (2, 0));
    }
}

#[tokio::test]
async fn no_buyer_is_added_without_the_key_or_to_another_load() {
    let table = Table::lay().await;
    let deal = new_deal();
    let Begun::Begun(load) = table.quota.begin_load(deal).await.unwrap() else { panic!("not begun") };
    let chunk = [BuyerUnits { buyer: someone(), units: 2, rev: 3 }];
    let () = table.redis.clone().del(table.keys.quota(deal)).await.unwrap();
    assert!(load.buyers(&chunk).await.unwrap().is_err());
    drop(table.quota.begin_load(deal).await.unwrap());
    assert!(load.buyers(&chunk).await.unwrap().is_err());
    assert!(table.quota.buyers(deal).await.unwrap().is_empty());
}
