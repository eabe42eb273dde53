use std::time::Duration;

use muster::quota::{Draw, Taken};
use redis::AsyncCommands;

use super::Table;

/// So slow that no unit comes back while a test runs.
const HOUR_US: i64 = 3_600_000_000;

fn draw(burst: u32, cost: u32, debt: u32) -> Draw {
    Draw { interval_us: HOUR_US, burst, cost, debt }
}

async fn left(table: &Table, who: &str, draw: Draw) -> Result<u32, Duration> {
    match table.quota.draw("joins", who, draw).await.unwrap() {
        Taken::Ok { left } => Ok(left),
        Taken::Limited { retry_after } => Err(retry_after),
    }
}

fn about_hours(hours: u64) -> impl Fn(Duration) -> bool {
    move |wait| wait <= Duration::from_hours(hours) && wait + Duration::from_mins(1) > Duration::from_hours(hours)
}

#[tokio::test]
async fn after_a_burst_the_limit_says_how_long_to_wait() {
    let table = Table::lay().await;
    for remaining in [2, 1, 0] {
        assert_eq!(left(&table, "ann", draw(3, 1, 0)).await, Ok(remaining));
    }
    assert!(left(&table, "ann", draw(3, 1, 0)).await.is_err_and(about_hours(1)));
    assert!(left(&table, "ann", draw(3, 2, 0)).await.is_err_and(about_hours(2)), "who was refused took nothing");
    assert_eq!(left(&table, "bob", draw(3, 3, 0)).await, Ok(0), "others are not concerned");
}

#[tokio::test]
async fn debt_is_counted_even_when_nothing_is_taken() {
    let table = Table::lay().await;
    assert_eq!(left(&table, "ann", draw(10, 1, 4)).await, Ok(5));
    assert!(left(&table, "ann", draw(10, 5, 3)).await.is_err_and(about_hours(3)));
    assert!(
        left(&table, "ann", draw(10, 1, 1_000)).await.is_err_and(about_hours(1)),
        "no debt waits longer than a burst"
    );
}

#[tokio::test]
async fn a_call_made_twice_counts_twice_which_errs_on_the_strict_side() {
    let table = Table::lay().await;
    let keys = [table.keys.rate("joins", "ann")];
    let hour = HOUR_US.to_string();
    let arguments = [hour.as_str(), "3", "1", "0"];
    for expected in [2, 1] {
        let reply: (String, u32) =
            redis::from_redis_value(table.run("rate_limit", &keys, &arguments).await.unwrap()).unwrap();
        assert_eq!(reply, ("ok".to_owned(), expected));
    }
}

#[tokio::test]
async fn a_limit_is_forgotten_once_every_unit_has_come_back() {
    let table = Table::lay().await;
    left(&table, "ann", draw(3, 2, 0)).await.unwrap();
    let key = table.keys.rate("joins", "ann");
    let ends_in: u64 = table.redis.clone().pttl(&key).await.unwrap();
    assert!(about_hours(2)(Duration::from_millis(ends_in)), "{ends_in}");
    // The stored time is in the past, as if time had passed.
    let () = table.redis.clone().set(&key, 1).await.unwrap();
    assert_eq!(left(&table, "ann", draw(3, 1, 0)).await, Ok(2));
}
