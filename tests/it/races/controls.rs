//! Negative controls: without any guard the last unit is sold twice, and with either guard it is not.

use muster::domain::{JoinOutcome, Refusal};

use crate::support::fault::{NO_REDIS, wait_until};
use crate::support::outcomes::joined;
use crate::support::people::join_request;
use crate::support::{self, TestApp};

/// Checks for room and writes later, without a lock.
const NAIVE: &str = "
    ALTER TABLE deals DROP CONSTRAINT deals_never_oversold;
    ALTER TABLE signups DROP CONSTRAINT signups_rev_is_taken;
    CREATE OR REPLACE FUNCTION commit_signups(ids uuid[], deal_ids uuid[], buyer_ids uuid[], wanted integer[])
        RETURNS TABLE (
            ord integer, outcome text, deal uuid, number integer, signup_state text, bound integer,
            buyer_units integer, buyer_rev bigint,
            epoch bigint, rev bigint, rev_before bigint, state text, buyers integer, units integer,
            tipping_point integer, cap integer, opens_at timestamptz, closes_at timestamptz, decided_at timestamptz)
        LANGUAGE plpgsql VOLATILE
        AS $$
    #variable_conflict use_column
    DECLARE
        of   deals%ROWTYPE;
        free integer;
        now  deals%ROWTYPE;
        n    integer;
    BEGIN
        decided_at := muster_now();
        SELECT d.* INTO of FROM deals AS d WHERE d.id = deal_ids[1];
        free := of.cap - of.units;
        FOR n IN 1..cardinality(ids) LOOP
            ord := n;
            deal := of.id;
            outcome := 'sold_out';
            IF wanted[n] <= free THEN
                free := free - wanted[n];
                -- The time between looking and writing is here: see the trigger.
                INSERT INTO signups (deal, id, buyer, units, number, rev, joined_at, held, held_rev)
                VALUES (of.id, ids[n], buyer_ids[n], wanted[n], 1, of.rev, decided_at, wanted[n], of.rev);
                UPDATE deals AS d SET units = d.units + wanted[n], buyers = d.buyers + 1, rev = d.rev + 1
                 WHERE d.id = of.id RETURNING d.* INTO now;
                outcome := 'ok';
                number := now.buyers;
                signup_state := 'active';
                buyer_units := wanted[n];
                buyer_rev := now.rev;
            END IF;
            RETURN NEXT;
        END LOOP;
        SELECT d.* INTO now FROM deals AS d WHERE d.id = of.id;
        ord := 0;
        outcome := 'figures';
        epoch := (SELECT e.epoch FROM epoch AS e);
        rev := now.rev;
        rev_before := of.rev;
        state := now.state;
        buyers := now.buyers;
        units := now.units;
        tipping_point := now.tipping_point;
        cap := now.cap;
        opens_at := now.opens_at;
        closes_at := now.closes_at;
        RETURN NEXT;
    END
    $$;";

/// A statement that has checked and is about to write waits at this gate until the test opens it.
const GATE: &str = "
    CREATE FUNCTION wait_at_the_gate() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        PERFORM pg_advisory_xact_lock_shared(1);
        RETURN NULL;
    END $$;
    CREATE TRIGGER gate BEFORE INSERT ON signups FOR EACH STATEMENT EXECUTE FUNCTION wait_at_the_gate();";

/// Two buyers at two nodes join concurrently for the last unit. Returns whether it was sold twice.
async fn sells_last_place_twice(app: &TestApp, naive: bool) -> bool {
    let mo = app.merchant("Mo").await;
    let people = app.people("Pat", 3).await;
    let deal = app.deal(&mo).tipping_point(1).cap(2).publish().await.id;
    joined(app.engine_join(&people[0], deal, 1, "a").await);
    for node in &app.nodes {
        // The deal is loaded, and known to both nodes.
        joined(node.engine_join(&people[0], deal, 1, "a").await);
    }
    app.backend.wait_until_nothing_is_held(deal).await;
    app.reconcile_now().await;
    if naive {
        app.backend.sql(NAIVE).await;
    }
    app.backend.sql(GATE).await;
    let mut gate = app.backend.connect().await;
    sqlx::query("SELECT pg_advisory_lock(1)").execute(&mut gate).await.unwrap();
    let racers: Vec<_> = [0, 1]
        .map(|n: usize| {
            let (engine, request) = (app.nodes[n].engine.clone(), join_request(&people[n + 1], deal, 1, "a"));
            tokio::spawn(async move { engine.join(request).await })
        })
        .into();
    // Each request advances as far as its guard allows: to the gate, to the deal's lock, or to an outcome.
    wait_until("both requests wait or have an outcome", async || {
        let answered = racers.iter().filter(|racer| racer.is_finished()).count();
        app.backend.waiting_for_locks().await + i64::try_from(answered).unwrap() == 2
    })
    .await;
    sqlx::query("SELECT pg_advisory_unlock(1)").execute(&mut gate).await.unwrap();
    for racer in racers {
        let outcome = racer.await.unwrap();
        let is_expected = matches!(
            outcome,
            JoinOutcome::Joined(_) | JoinOutcome::Refused(Refusal::SoldOut | Refusal::PlacesHeld) | JoinOutcome::Broken
        );
        assert!(is_expected, "{outcome:?}");
    }
    let (_, units) = app.counts(deal).await;
    assert!(units >= 2, "one of them gets the unit");
    units > 2
}

#[tokio::test]
async fn with_both_guards_off_the_last_place_is_sold_twice() {
    let app = support::app().nodes(2).with("redis.url", NO_REDIS).start().await;
    assert!(sells_last_place_twice(&app, true).await, "the control fails: the race tests prove nothing");
}

#[tokio::test]
async fn with_redis_alone_the_last_place_is_sold_once() {
    let app = support::app().nodes(2).start().await;
    assert!(!sells_last_place_twice(&app, true).await);
}

#[tokio::test]
async fn with_postgres_alone_the_last_place_is_sold_once() {
    let app = support::app().nodes(2).with("redis.url", NO_REDIS).start().await;
    assert!(!sells_last_place_twice(&app, false).await);
}

#[tokio::test]
async fn with_the_check_constraint_alone_the_last_place_is_sold_once() {
    let app = support::app().nodes(2).with("redis.url", NO_REDIS).start().await;
    app.backend.sql("ALTER TABLE deals ADD CONSTRAINT the_last_line CHECK (units <= cap)").await;
    assert!(!sells_last_place_twice(&app, true).await);
}

/// The same race with a Redis that runs but refuses nobody.
#[cfg(feature = "negative-controls")]
#[tokio::test]
async fn when_redis_admits_everybody_only_postgres_guards_the_last_place() {
    for naive in [true, false] {
        let app = support::app().nodes(2).start().await;
        for node in &app.nodes {
            node.engine.admit_everybody();
        }
        assert_eq!(sells_last_place_twice(&app, naive).await, naive);
    }
}
