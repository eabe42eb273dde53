//! Every script, with a value of a wrong type under each key that its header names: the call fails and leaves the value alone.

use redis::AsyncCommands;

use super::headers::scripts;
use super::{Table, new_deal, open};

/// Arguments with which a script gets to every key, and keys that it deletes before it looks at them.
fn call<'a>(script: &str, run_id: &'a str) -> (Vec<&'a str>, &'static [&'static str]) {
    match script {
        "admit" => (vec![run_id, "1795348800000", "15000", "another", "buyer", "1"], &[]),
        "apply" => {
            let figures = ["1", "5", "4", "open", "1", "1", "10", "100", "0", "1", "{}"];
            ([&figures[..], &["1", "signup", "buyer", "1", "5"]].concat(), &[])
        }
        // This load begins from nothing.
        "load_begin" => (vec!["another-run", "token", "5000"], &["buyers", "ranges", "holds", "held"]),
        "load_buyers" => (vec!["token", "buyer", "1", "2"], &[]),
        "load_finish" => (vec!["token", "1", "3", "open", "1", "2", "10", "100", "0", "9999", "60000"], &[]),
        "rate_limit" => (vec!["1", "1", "1", "0"], &[]),
        "release" => (vec!["signup"], &[]),
        "renew" => (vec!["15000", "signup"], &[]),
        _ => panic!("lua/{script}.lua needs a call here"),
    }
}

#[tokio::test]
async fn a_key_of_a_wrong_type_is_an_error_and_stays() {
    let table = Table::lay().await;
    let mut redis = table.redis.clone();
    for script in scripts() {
        let (arguments, deleted) = call(&script.name, &table.run_id);
        for wrong in script.keys.iter().filter(|key| *key != "channel" && !deleted.contains(&key.as_str())) {
            let deal = new_deal();
            let key = |name: &String| match name.as_str() {
                "quota" => table.keys.quota(deal),
                "buyers" => table.keys.buyers(deal),
                "holds" => table.keys.holds(deal),
                "held" => table.keys.held(deal),
                "ranges" => table.keys.ranges(deal),
                "raising" => table.keys.raising(deal),
                "channel" => table.keys.channel(deal),
                "rate" => table.keys.rate("joins", "ann"),
                _ => panic!("lua/{}.lua has a key that is unknown here: {name}", script.name),
            };
            // A deal that is sold out, with one hold.
            table.load(muster::domain::Progress { units: 100, ..open(deal) }, &[]).await;
            let () = redis.hset(table.keys.quota(deal), "token", "token").await.unwrap();
            let () = redis.hset(table.keys.held(deal), "signup", "1 1").await.unwrap();
            let () = redis.zadd(table.keys.holds(deal), "signup", 9_999_999_999_999_i64).await.unwrap();
            let (in_the_way, what) = (key(wrong), format!("lua/{}.lua with a wrong {wrong}", script.name));
            let () = redis.del(&in_the_way).await.unwrap();
            let () = redis::cmd("XADD").arg(&in_the_way).arg(&["*", "a", "b"]).query_async(&mut redis).await.unwrap();
            let keys: Vec<String> = script.keys.iter().map(key).collect();
            match table.run(&script.name, &keys, &arguments).await {
                Err(refused) => assert_eq!(refused.code(), Some("WRONGTYPE"), "{what}: {refused}"),
                Ok(answer) => panic!("{what}: {answer:?}"),
            }
            let length: usize = redis::cmd("XLEN").arg(&in_the_way).query_async(&mut redis).await.unwrap();
            assert_eq!(length, 1, "{what}: it is left alone");
        }
    }
}
