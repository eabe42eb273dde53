//! Every script, with a value of the wrong type under each key that its header names: the call fails and does
//! not change the value.

use redis::AsyncCommands;

use super::headers::scripts;
use super::{Harness, new_deal, open};

/// Arguments that make a script use all of its keys, and the keys that it deletes first.
fn call<'a>(script: &str, run_id: &'a str) -> (Vec<&'a str>, &'static [&'static str]) {
    match script {
        "admit" => (vec![run_id, "1795348800000", "15000", "another", "buyer", "1"], &[]),
        "apply" => {
            let figures = ["1", "5", "4", "open", "1", "1", "10", "100", "0", "1", "{}"];
            ([&figures[..], &["1", "signup", "buyer", "1", "5"]].concat(), &[])
        }
        // This load starts from nothing.
        "load_begin" => (vec!["another-run", "token", "5000"], &["buyers", "ranges", "holds", "held"]),
        "load_buyers" => (vec!["token", "buyer", "1", "2"], &[]),
        "load_finish" => (vec!["token", "1", "3", "open", "1", "2", "10", "100", "0", "9999", "60000"], &[]),
        "rate_limit" => (vec!["1", "1", "1", "0"], &[]),
        "release" => (vec!["signup"], &[]),
        "renew" => (vec!["15000", "signup"], &[]),
        _ => panic!("lua/{script}.lua needs a call in this test"),
    }
}

#[tokio::test]
async fn a_key_of_the_wrong_type_is_an_error_and_is_not_changed() {
    let harness = Harness::start().await;
    let mut redis = harness.redis.clone();
    for script in scripts() {
        let (arguments, deleted) = call(&script.name, &harness.run_id);
        for wrong in script.keys.iter().filter(|key| *key != "channel" && !deleted.contains(&key.as_str())) {
            let deal = new_deal();
            let key = |name: &String| match name.as_str() {
                "quota" => harness.keys.quota(deal),
                "buyers" => harness.keys.buyers(deal),
                "holds" => harness.keys.holds(deal),
                "held" => harness.keys.held(deal),
                "ranges" => harness.keys.ranges(deal),
                "raising" => harness.keys.raising(deal),
                "channel" => harness.keys.channel(deal),
                "rate" => harness.keys.rate("joins", "ann"),
                _ => panic!("lua/{}.lua has a key that this test does not know: {name}", script.name),
            };
            // A sold-out deal with one hold.
            harness.load(muster::domain::Progress { units: 100, ..open(deal) }, &[]).await;
            let () = redis.hset(harness.keys.quota(deal), "token", "token").await.unwrap();
            let () = redis.hset(harness.keys.held(deal), "signup", "1 1").await.unwrap();
            let () = redis.zadd(harness.keys.holds(deal), "signup", 9_999_999_999_999_i64).await.unwrap();
            let (in_the_way, what) = (key(wrong), format!("lua/{}.lua with a wrong {wrong}", script.name));
            let () = redis.del(&in_the_way).await.unwrap();
            let () = redis::cmd("XADD").arg(&in_the_way).arg(&["*", "a", "b"]).query_async(&mut redis).await.unwrap();
            let keys: Vec<String> = script.keys.iter().map(key).collect();
            match harness.run(&script.name, &keys, &arguments).await {
                Err(refused) => assert_eq!(refused.code(), Some("WRONGTYPE"), "{what}: {refused}"),
                Ok(answer) => panic!("{what}: {answer:?}"),
            }
            let length: usize = redis::cmd("XLEN").arg(&in_the_way).query_async(&mut redis).await.unwrap();
            assert_eq!(length, 1, "{what}: the value is unchanged");
        }
    }
}
