use muster::quota::{Begun, BuyerUnits};
use redis::AsyncCommands;

use super::{Harness, new_buyer, new_deal, open};

#[tokio::test]
async fn a_repeated_chunk_never_overwrites_newer_buyers() {
    let harness = Harness::start().await;
    let deal = new_deal();
    let Begun::Begun(load) = harness.quota.begin_load(deal).await.unwrap() else { panic!("not begun") };
    let (early, late) = (new_buyer(), new_buyer());
    let newer = BuyerUnits { buyer: late, units: 0, rev: 9 };
    harness.apply(muster::domain::Progress { rev: 9, ..open(deal) }, 8, &[], &[newer]).await;
    let chunk = [BuyerUnits { buyer: early, units: 2, rev: 3 }, BuyerUnits { buyer: late, units: 4, rev: 5 }];
    for _ in 0..2 {
        load.buyers(&chunk).await.unwrap().unwrap();
        let known = harness.quota.buyers(deal).await.unwrap();
        assert_eq!((known[&early], known[&late]), (2, 0));
    }
}

#[tokio::test]
async fn no_buyer_is_added_without_the_key_or_to_another_load() {
    let harness = Harness::start().await;
    let deal = new_deal();
    let Begun::Begun(load) = harness.quota.begin_load(deal).await.unwrap() else { panic!("not begun") };
    let chunk = [BuyerUnits { buyer: new_buyer(), units: 2, rev: 3 }];
    let () = harness.redis.clone().del(harness.keys.quota(deal)).await.unwrap();
    assert!(load.buyers(&chunk).await.unwrap().is_err());
    drop(harness.quota.begin_load(deal).await.unwrap());
    assert!(load.buyers(&chunk).await.unwrap().is_err());
    assert!(harness.quota.buyers(deal).await.unwrap().is_empty());
}
