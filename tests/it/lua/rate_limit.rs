use std::time::Duration;

use muster::quota::{Draw, Taken};
use redis::AsyncCommands;

use super::Harness;

/// Long enough that no unit is refilled while a test runs.
const HOUR_US: i64 = 3_600_000_000;

fn draw(burst: u32, cost: u32, debt: u32) -> Draw {
    Draw { interval_us: HOUR_US, burst, cost, debt }
}

async fn left(harness: &Harness, who: &str, draw: Draw) -> Result<u32, Duration> {
    match harness.quota.draw("joins", who, draw).await.unwrap() {
        Taken::Ok { left } => Ok(left),
        Taken::Limited { retry_after } => Err(retry_after),
    }
}

fn about_hours(hours: u64) -> impl Fn(Duration) -> bool {
    move |wait| wait <= Duration::from_hours(hours) && wait + Duration::from_mins(1) > Duration::from_hours(hours)
}

#[tokio::test]
async fn after_a_burst_the_limit_says_how_long_to_wait() {
    let harness = Harness::start().await;
    for remaining in [2, 1, 0] {
        assert_eq!(left(&harness, "ann", draw(3, 1, 0)).await, Ok(remaining));
    }
    assert!(left(&harness, "ann", draw(3, 1, 0)).await.is_err_and(about_hours(1)));
    assert!(left(&harness, "ann", draw(3, 2, 0)).await.is_err_and(about_hours(2)), "a refused draw takes nothing");
    assert_eq!(left(&harness, "bob", draw(3, 3, 0)).await, Ok(0), "others are not limited");
}

#[tokio::test]
async fn debt_is_counted_even_when_nothing_is_taken() {
    let harness = Harness::start().await;
    assert_eq!(left(&harness, "ann", draw(10, 1, 4)).await, Ok(5));
    assert!(left(&harness, "ann", draw(10, 5, 3)).await.is_err_and(about_hours(3)));
    assert!(
        left(&harness, "ann", draw(10, 1, 1_000)).await.is_err_and(about_hours(1)),
        "a debt delays a caller by at most a burst"
    );
}

#[tokio::test]
async fn a_repeated_call_counts_twice() {
    let harness = Harness::start().await;
    let keys = [harness.keys.rate("joins", "ann")];
    let hour = HOUR_US.to_string();
    let arguments = [hour.as_str(), "3", "1", "0"];
    for expected in [2, 1] {
        let reply: (String, u32) =
            redis::from_redis_value(harness.run("rate_limit", &keys, &arguments).await.unwrap()).unwrap();
        assert_eq!(reply, ("ok".to_owned(), expected));
    }
}

#[tokio::test]
async fn a_limits_key_expires_once_it_has_refilled() {
    let harness = Harness::start().await;
    left(&harness, "ann", draw(3, 2, 0)).await.unwrap();
    let key = harness.keys.rate("joins", "ann");
    let expires_in: u64 = harness.redis.clone().pttl(&key).await.unwrap();
    assert!(about_hours(2)(Duration::from_millis(expires_in)), "{expires_in}");
    // A stored time in the past simulates time that has passed.
    let () = harness.redis.clone().set(&key, 1).await.unwrap();
    assert_eq!(left(&harness, "ann", draw(3, 1, 0)).await, Ok(2));
}
