//! How a lane handles each kind of failed call. A trigger in the test's database raises the failures.

use muster::domain::{JoinOutcome, LeaveOutcome};
use muster::quota::Keys;
use redis::AsyncCommands;

use crate::support::fault::wait_until;
use crate::support::outcomes::joined;
use crate::support::people::join_request;
use crate::support::{self, TestApp};

/// Makes every write of a signup of seven units raise this error while the SQL condition `while_true` holds. A
/// sequence counts the attempts.
async fn fail_writes(app: &TestApp, sqlstate: &str, while_true: &str) {
    let trigger = format!(
        "CREATE SEQUENCE IF NOT EXISTS attempts;
         CREATE OR REPLACE FUNCTION raise_it() RETURNS trigger LANGUAGE plpgsql AS $$
         BEGIN
            IF NEW.units = 7 AND nextval('attempts') IS NOT NULL AND ({while_true}) THEN
                RAISE EXCEPTION 'raised by the test' USING ERRCODE = '{sqlstate}';
            END IF;
            RETURN NEW;
         END $$;
         CREATE OR REPLACE TRIGGER raise_it BEFORE INSERT OR UPDATE ON signups FOR EACH ROW EXECUTE FUNCTION raise_it();"
    );
    app.backend.sql(&trigger).await;
}

async fn fixture() -> (TestApp, muster::domain::DealId, Vec<support::Person>) {
    let app = support::app().with("lanes.count", "1").start().await;
    let mo = app.merchant("Mo").await;
    let people = app.people("Pat", 24).await;
    let deal = app.deal(&mo).tipping_point(100).per_buyer_max(10).publish().await.id;
    (app, deal, people)
}

async fn attempts(app: &TestApp) -> i64 {
    app.backend.query_i64("SELECT last_value FROM attempts").await
}

/// Waits until this person's hold is released.
async fn wait_until_released(app: &TestApp, deal: muster::domain::DealId, person: &support::Person) {
    let id = join_request(person, deal, 7, "a").id;
    let held = Keys::new(&app.backend.name).held(deal);
    let mut redis = app.backend.redis().await;
    wait_until("the hold is released", async || !redis.hexists::<_, _, bool>(&held, id.to_string()).await.unwrap())
        .await;
}

/// Waits until this many holds exist: the first join is being recorded, and the others wait for the next batch.
async fn wait_until_held(app: &TestApp, deal: muster::domain::DealId, holds: usize) {
    let held = Keys::new(&app.backend.name).held(deal);
    let mut redis = app.backend.redis().await;
    // The key also has two sums and their expiry.
    wait_until("every join has its hold", async || redis.hlen::<_, usize>(&held).await.unwrap() == holds + 3).await;
}

#[tokio::test]
async fn one_bad_row_does_not_poison_its_batch() {
    for sqlstate in ["23514", "22003"] {
        let (app, deal, people) = fixture().await;
        fail_writes(&app, sqlstate, "true").await;
        let lock = app.backend.lock_deal(deal).await;
        let joins = people.iter().enumerate().map(|(n, person)| {
            // The third and the last join are bad.
            let units = if n == 2 || n == 23 { 7 } else { 1 };
            app.engine_join(person, deal, units, "a")
        });
        let unlock = async {
            wait_until("the first batch is being recorded", async || app.backend.waiting_for_locks().await == 1).await;
            wait_until_held(&app, deal, people.len()).await;
            lock.unlock().await;
        };
        let (outcomes, ()) = tokio::join!(futures_util::future::join_all(joins), unlock);
        for (n, outcome) in outcomes.into_iter().enumerate() {
            if n == 2 || n == 23 {
                assert_eq!(outcome, JoinOutcome::Broken, "{n}");
                wait_until_released(&app, deal, &people[n]).await;
            } else {
                joined(outcome);
            }
        }
        assert!(attempts(&app).await > 2, "the bad joins share a batch with other joins");
        assert_eq!(app.counts(deal).await, (22, 22));
        app.assert_clean().await;
    }
}

#[tokio::test]
async fn a_batch_that_was_rolled_back_is_retried_three_times() {
    for sqlstate in ["40001", "40P01", "55P03"] {
        let (app, deal, people) = fixture().await;
        fail_writes(&app, sqlstate, "currval('attempts') <= 3").await;
        joined(app.engine_join(&people[0], deal, 7, "a").await);
        fail_writes(&app, sqlstate, "true").await;
        let outcome = app.engine_join(&people[1], deal, 7, "a").await;
        assert!(matches!(outcome, JoinOutcome::Busy { retry_after_s: 1.. }), "{outcome:?}");
        assert_eq!(attempts(&app).await, 8, "each join has four attempts");
        wait_until_released(&app, deal, &people[1]).await;
        joined(app.engine_join(&people[2], deal, 1, "a").await);
        app.assert_clean().await;
    }
}

#[tokio::test]
async fn a_postgres_out_of_resources_sheds_load_immediately() {
    for sqlstate in ["53100", "53200"] {
        let (app, deal, people) = fixture().await;
        fail_writes(&app, sqlstate, "true").await;
        let outcome = app.engine_join(&people[0], deal, 7, "a").await;
        assert!(matches!(outcome, JoinOutcome::Busy { retry_after_s: 1.. }), "{outcome:?}");
        assert_eq!(attempts(&app).await, 1);
        wait_until_released(&app, deal, &people[0]).await;
        app.assert_clean().await;
    }
}

#[tokio::test]
async fn a_batch_in_doubt_is_retried_until_it_is_answered() {
    for sqlstate in ["08006", "57P01", "25006"] {
        let (app, deal, people) = fixture().await;
        fail_writes(&app, sqlstate, "currval('attempts') <= 5").await;
        joined(app.engine_join(&people[0], deal, 7, "a").await);
        assert_eq!(attempts(&app).await, 6);
        app.assert_clean().await;
    }
}

#[tokio::test]
async fn any_other_failure_is_not_retried_and_the_lane_continues() {
    let (app, deal, people) = fixture().await;
    fail_writes(&app, "XX000", "true").await;
    assert_eq!(app.engine_join(&people[0], deal, 7, "a").await, JoinOutcome::Broken);
    assert_eq!(attempts(&app).await, 1);
    wait_until_released(&app, deal, &people[0]).await;
    joined(app.engine_join(&people[1], deal, 1, "a").await);
    app.assert_clean().await;
}

#[tokio::test]
async fn an_unreadable_reply_does_not_stop_the_lane() {
    let (app, deal, people) = fixture().await;
    app.backend
        .sql(
            "ALTER FUNCTION commit_signups RENAME TO with_order;
             DO $$ BEGIN EXECUTE replace(replace(pg_get_functiondef('with_order'::regproc),
                'with_order', 'commit_signups'), 'RETURNING (s.rev - of.rev)::integer', 'RETURNING NULL::integer'); END $$",
        )
        .await;
    assert_eq!(app.engine_join(&people[0], deal, 1, "a").await, JoinOutcome::Broken);
    app.backend.sql("DROP FUNCTION commit_signups; ALTER FUNCTION with_order RENAME TO commit_signups").await;
    joined(app.engine_join(&people[1], deal, 1, "a").await);
    joined(app.engine_join(&people[0], deal, 1, "a").await);
    app.assert_clean().await;
}

#[tokio::test]
async fn leaves_are_retried_split_and_given_up_like_joins() {
    let (app, deal, people) = fixture().await;
    let bad = joined(app.engine_join(&people[0], deal, 7, "a").await);
    let good = joined(app.engine_join(&people[1], deal, 1, "a").await);
    fail_writes(&app, "23514", "true").await;
    let lock = app.backend.lock_deal(deal).await;
    let first = app.engine_join(&people[2], deal, 1, "a");
    let leaves = async {
        wait_until("the first batch is being recorded", async || app.backend.waiting_for_locks().await == 1).await;
        let unlock = async { lock.unlock().await };
        tokio::join!(app.engine_leave(&people[0], bad.id), app.engine_leave(&people[1], good.id), unlock)
    };
    let (first, (bad_one, good_one, ())) = tokio::join!(first, leaves);
    joined(first);
    assert_eq!((bad_one, good_one), (LeaveOutcome::Broken, LeaveOutcome::Left));
    fail_writes(&app, "40001", "currval('attempts') <= 4").await;
    assert_eq!(app.engine_leave(&people[0], bad.id).await, LeaveOutcome::Left);
    assert_eq!(app.counts(deal).await, (1, 1));
    app.assert_clean().await;
}

/// The first attempt leaves the batch in doubt, and later attempts fail in other ways. No part may be given up.
#[tokio::test]
async fn both_halves_of_a_batch_in_doubt_stay_in_doubt() {
    let (app, deal, people) = fixture().await;
    app.backend
        .sql(
            "CREATE SEQUENCE attempts;
             CREATE FUNCTION raise_in_turn() RETURNS trigger LANGUAGE plpgsql AS $$
             DECLARE what text;
             BEGIN
                IF NEW.units = 7 THEN
                    what := (ARRAY['08006', '23514', '53100', '53100'])[nextval('attempts')];
                END IF;
                IF what IS NOT NULL THEN
                    RAISE EXCEPTION 'raised by the test' USING ERRCODE = what;
                END IF;
                RETURN NEW;
             END $$;
             CREATE TRIGGER raise_in_turn BEFORE INSERT ON signups FOR EACH ROW EXECUTE FUNCTION raise_in_turn();",
        )
        .await;
    let lock = app.backend.lock_deal(deal).await;
    let first = app.engine_join(&people[0], deal, 1, "a");
    let both = async {
        wait_until("the first batch is being recorded", async || app.backend.waiting_for_locks().await == 1).await;
        let unlock = async {
            wait_until_held(&app, deal, 3).await;
            lock.unlock().await;
        };
        tokio::join!(app.engine_join(&people[1], deal, 7, "a"), app.engine_join(&people[2], deal, 1, "a"), unlock)
    };
    let (first, (seven, one, ())) = tokio::join!(first, both);
    for outcome in [first, seven, one] {
        joined(outcome);
    }
    assert_eq!(attempts(&app).await, 5);
    assert_eq!(app.counts(deal).await, (3, 9));
    app.assert_clean().await;
}
