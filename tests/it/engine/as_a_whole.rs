//! A batch is recorded as a whole where everybody is simply accepted, and else one by one: both must come to the same.

use muster::domain::{JoinRequest, Role};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};

use crate::support::people::wish;
use crate::support::{self, Person, TestApp};

/// Rounds of deals; and batches of each of them.
const ROUNDS: usize = 25;
const BATCHES: usize = 10;
/// Who joins: few, so that they come again.
const BUYERS: usize = 6;

/// Everything that a batch can change, but the times.
const WRITTEN: &str = "
    SELECT concat_ws(E'\\n',
        (SELECT string_agg((to_jsonb(s) - 'joined_at')::text, E'\\n' ORDER BY s.deal, s.id) FROM signups AS s),
        (SELECT string_agg((to_jsonb(d) - 'changed_at' - 'tipped_at')::text || (d.tipped_at IS NULL), E'\\n' ORDER BY d.id)
           FROM deals AS d),
        (SELECT string_agg(concat_ws(' ', o.key, o.kind, o.deal), E'\\n' ORDER BY o.key) FROM outbox AS o))";

async fn text(database: &mut PgConnection, sql: String) -> Option<String> {
    sqlx::query_scalar(AssertSqlSafe(sql)).fetch_one(database).await.unwrap()
}

/// What this function answers to the batch, and what it has written, but the times.
async fn commit(
    database: &mut PgConnection,
    function: &str,
    batch: &[JoinRequest],
) -> (Option<String>, Option<String>) {
    let list = |of: &dyn Fn(&JoinRequest) -> String| batch.iter().map(of).collect::<Vec<_>>().join(",");
    let [ids, deals, buyers, units] = [
        list(&|request| request.id.as_uuid().to_string()),
        list(&|request| request.deal.as_uuid().to_string()),
        list(&|request| request.buyer.as_uuid().to_string()),
        list(&|request| request.units.get().to_string()),
    ];
    let call = format!(
        "SELECT string_agg((to_jsonb(a) - 'decided_at')::text, E'\\n' ORDER BY a.deal, a.ord)
           FROM {function}('{{{ids}}}', '{{{deals}}}', '{{{buyers}}}', '{{{units}}}') AS a"
    );
    (text(database, call).await, text(database, WRITTEN.to_owned()).await)
}

async fn times_in_order(database: &mut PgConnection) -> i64 {
    let calls = "SELECT coalesce(sum(calls), 0)::bigint FROM pg_stat_xact_user_functions WHERE funcname = 'commit_signups_in_order'";
    sqlx::query_scalar(calls).fetch_one(database).await.unwrap()
}

/// A deal whose rules are soon met, of any kind.
async fn any_deal(app: &TestApp, mo: &Person, random: &mut StdRng) -> muster::domain::DealId {
    let tipping_point = random.random_range(1..=6);
    let deal = app.deal(mo).tipping_point(tipping_point).per_buyer_max(random.random_range(1..=3));
    let deal = if random.random_bool(0.5) { deal.cap(tipping_point + random.random_range(0..=6)) } else { deal };
    let id = if random.random_bool(0.9) { deal.publish().await.id } else { deal.draft().await.id };
    let hours = match random.random_range(0..8) {
        0 => 48,
        1 => -12,
        _ => return id,
    };
    let shift = format!(
        "UPDATE deals SET opens_at = opens_at - interval '{hours} hours', closes_at = closes_at - interval '{hours} hours'
          WHERE id = '{id}'"
    );
    app.home.sql(&shift).await;
    id
}

#[tokio::test]
async fn recorded_as_a_whole_or_one_by_one_a_batch_comes_to_the_same() {
    let seed = rand::rng().random();
    println!("seed {seed}");
    let random = &mut StdRng::seed_from_u64(seed);
    let app = support::app().start().await;
    let mo = app.merchant("Mo").await;
    let people = app.people("Pat", BUYERS, Role::Buyer).await;
    let mut database = PgConnection::connect(&app.home.database_url).await.unwrap();
    database.execute("SET track_functions = 'pl'").await.unwrap();
    let (mut whole, mut one_by_one) = (0, 0);
    for _ in 0..ROUNDS {
        let deals = [any_deal(&app, &mo, random).await, any_deal(&app, &mo, random).await];
        for batch_number in 0..BATCHES {
            let of_one = random.random_bool(0.8);
            let batch: Vec<JoinRequest> = (0..random.random_range(1..=4))
                .map(|_| {
                    let deal = deals[if of_one { batch_number % 2 } else { random.random_range(0..2) }];
                    let key = ["a", "b"][random.random_range(0..2)];
                    wish(&people[random.random_range(0..BUYERS)], deal, random.random_range(1..=2), key)
                })
                .collect();
            database.execute("BEGIN").await.unwrap();
            let one = commit(&mut database, "commit_signups_in_order", &batch).await;
            database.execute("ROLLBACK; BEGIN").await.unwrap();
            let before = times_in_order(&mut database).await;
            let other = commit(&mut database, "commit_signups", &batch).await;
            if times_in_order(&mut database).await == before {
                whole += 1;
            } else {
                one_by_one += 1;
            }
            database.execute("COMMIT").await.unwrap();
            assert_eq!(other, one, "{batch:?}");
        }
    }
    assert!(whole > 20 && one_by_one > 20, "{whole} batches as a whole, {one_by_one} one by one");
    app.close_now().await;
    app.settle_now().await;
    app.reconcile_now().await;
    app.assert_clean().await;
}

/// A replay, a buyer who is in the batch twice or wants too many, and whoever tips the deal.
#[tokio::test]
async fn who_is_not_simply_accepted_is_looked_at_one_by_one() {
    let app = support::app().start().await;
    let mo = app.merchant("Mo").await;
    let people = app.people("Pat", 4, Role::Buyer).await;
    let deal = app.deal(&mo).tipping_point(4).per_buyer_max(2).publish().await.id;
    let mut database = PgConnection::connect(&app.home.database_url).await.unwrap();
    database.execute("SET track_functions = 'pl'").await.unwrap();
    let [ann, bob, cleo, dan] = [&people[0], &people[1], &people[2], &people[3]];
    let cases = [
        (vec![wish(ann, deal, 1, "a"), wish(bob, deal, 2, "a")], 0),
        (vec![wish(ann, deal, 1, "b"), wish(cleo, deal, 1, "c")], 0),
        (vec![wish(ann, deal, 1, "a")], 1),
        (vec![wish(cleo, deal, 1, "a"), wish(cleo, deal, 1, "b")], 1),
        (vec![wish(ann, deal, 1, "c")], 1),
        (vec![wish(dan, deal, 3, "a")], 1),
        (vec![wish(dan, deal, 1, "a")], 1),
    ];
    for (batch, in_order) in cases {
        database.execute("BEGIN").await.unwrap();
        let before = times_in_order(&mut database).await;
        commit(&mut database, "commit_signups", &batch).await;
        assert_eq!(times_in_order(&mut database).await - before, in_order, "{batch:?}");
        database.execute("COMMIT").await.unwrap();
    }
    assert_eq!(app.counts(deal).await, (4, 7));
}
