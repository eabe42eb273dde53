//! `commit_signups` records a simple batch as a whole and any other in order: both must give the same result.

use muster::domain::{DealId, JoinRequest};
use rand::RngExt;
use rand::rngs::StdRng;
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};

use crate::support::people::join_request;
use crate::support::rng::seeded_rng;
use crate::support::{self, Person, TestApp};

/// Rounds with new random deals, and random batches in each round.
const ROUNDS: usize = 25;
const BATCHES: usize = 10;
/// Few buyers, so that they join repeatedly.
const BUYERS: usize = 6;

/// Everything that a batch can change, without times.
const WRITTEN: &str = "
    SELECT concat_ws(E'\\n',
        (SELECT string_agg((to_jsonb(s) - 'joined_at')::text, E'\\n' ORDER BY s.deal, s.id) FROM signups AS s),
        (SELECT string_agg((to_jsonb(d) - 'changed_at' - 'tipped_at')::text || (d.tipped_at IS NULL), E'\\n' ORDER BY d.id)
           FROM deals AS d),
        (SELECT string_agg(concat_ws(' ', o.key, o.kind, o.deal), E'\\n' ORDER BY o.key) FROM outbox AS o))";

async fn text(database: &mut PgConnection, sql: String) -> Option<String> {
    sqlx::query_scalar(AssertSqlSafe(sql)).fetch_one(database).await.unwrap()
}

/// What this function returns for the batch, and what the tables contain afterwards, without times.
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

async fn in_order_calls(database: &mut PgConnection) -> i64 {
    let calls = "SELECT coalesce(sum(calls), 0)::bigint FROM pg_stat_xact_user_functions WHERE funcname = 'commit_signups_in_order'";
    sqlx::query_scalar(calls).fetch_one(database).await.unwrap()
}

/// How `commit_signups` recorded a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    AsAWhole,
    InOrder,
}

use Way::{AsAWhole, InOrder};

/// Records a batch in order and rolls back, then records it with `commit_signups`, and asserts equal results. Returns
/// the result and the way that `commit_signups` took.
async fn record_both_ways(database: &mut PgConnection, batch: &[JoinRequest]) -> (String, Way) {
    database.execute("BEGIN").await.unwrap();
    let in_order = commit(database, "commit_signups_in_order", batch).await;
    database.execute("ROLLBACK; BEGIN").await.unwrap();
    let before = in_order_calls(database).await;
    let taken = commit(database, "commit_signups", batch).await;
    let way = if in_order_calls(database).await == before { AsAWhole } else { InOrder };
    database.execute("COMMIT").await.unwrap();
    assert_eq!(taken, in_order, "{batch:?}");
    (taken.0.unwrap(), way)
}

/// The outcomes in a result, in the order of the batch if it is about one deal.
fn outcomes(answer: &str) -> Vec<&str> {
    let after = answer.split("\"outcome\": \"").skip(1);
    after.filter_map(|rest| rest.split('"').next()).filter(|outcome| *outcome != "figures").collect()
}

async fn connect(app: &TestApp) -> PgConnection {
    let mut database = PgConnection::connect(&app.backend.database_url).await.unwrap();
    database.execute("SET track_functions = 'pl'").await.unwrap();
    database
}

/// Moves a deal's window into the past, or into the future if `hours` is negative.
async fn shift_window(app: &TestApp, deal: DealId, hours: i32) {
    let shift = format!(
        "UPDATE deals SET opens_at = opens_at - interval '{hours} hours', closes_at = closes_at - interval '{hours} hours'
          WHERE id = '{deal}'"
    );
    app.backend.sql(&shift).await;
}

/// A random deal whose limits are reached quickly.
async fn any_deal(app: &TestApp, mo: &Person, random: &mut StdRng) -> DealId {
    let tipping_point = random.random_range(1..=6);
    let deal = app.deal(mo).tipping_point(tipping_point).per_buyer_max(random.random_range(1..=3));
    let deal = if random.random_bool(0.5) { deal.cap(tipping_point + random.random_range(0..=6)) } else { deal };
    let id = if random.random_bool(0.9) { deal.publish().await.id } else { deal.draft().await.id };
    let hours = match random.random_range(0..8) {
        0 => 48,
        1 => -12,
        _ => return id,
    };
    shift_window(app, id, hours).await;
    id
}

/// Every kind of batch, with the way it is recorded and the outcomes of its requests.
#[tokio::test]
async fn recording_a_batch_as_a_whole_or_in_order_gives_the_same_result() {
    let app = support::app().start().await;
    let mo = app.merchant("Mo").await;
    let people = app.people("Pat", 8).await;
    let mut database = connect(&app).await;
    let open = app.deal(&mo).tipping_point(5).per_buyer_max(3).publish().await.id;
    let capped = app.deal(&mo).tipping_point(3).cap(6).per_buyer_max(6).publish().await.id;
    let [over, later] = [app.deal(&mo).publish().await.id, app.deal(&mo).publish().await.id];
    shift_window(&app, over, 48).await;
    shift_window(&app, later, -12).await;
    let (draft, nothing) = (app.deal(&mo).draft().await.id, DealId::generate());
    let join = |person: usize, deal, units, key| join_request(&people[person], deal, units, key);
    let left = join(2, open, 1, "left").id;

    let before_the_tip = [
        ("new buyers", vec![join(0, open, 1, "a"), join(1, open, 2, "a")], AsAWhole, vec!["ok", "ok"]),
        ("a known and a new buyer", vec![join(0, open, 1, "b"), join(2, open, 1, "left")], AsAWhole, vec!["ok", "ok"]),
        ("a replay", vec![join(0, open, 1, "a")], InOrder, vec!["replay"]),
        (
            "a replay and a new request",
            vec![join(0, open, 1, "a"), join(0, open, 1, "c")],
            InOrder,
            vec!["replay", "ok"],
        ),
        ("a key of another request", vec![join(0, open, 2, "a")], InOrder, vec!["key_reused"]),
        ("too many units", vec![join(3, open, 4, "a")], InOrder, vec!["buyer_limit"]),
        ("a buyer at the limit", vec![join(0, open, 1, "d")], InOrder, vec!["buyer_limit"]),
        ("a buyer twice", vec![join(1, open, 1, "b"), join(1, open, 1, "c")], InOrder, vec!["ok", "buyer_limit"]),
        ("two deals", vec![join(3, capped, 1, "a"), join(4, open, 1, "a")], InOrder, vec!["ok", "ok"]),
        ("a deal that is over", vec![join(0, over, 1, "a")], InOrder, vec!["closed"]),
        ("a deal that opens later", vec![join(0, later, 1, "a")], InOrder, vec!["not_open"]),
        ("a draft", vec![join(0, draft, 1, "a")], InOrder, vec!["no_such_deal"]),
        ("an unknown deal", vec![join(0, nothing, 1, "a")], InOrder, vec!["no_such_deal"]),
        (
            "units that are kept for buyers still needed",
            vec![join(3, capped, 4, "b")],
            InOrder,
            vec!["not_enough_left"],
        ),
        ("the units that those leave free", vec![join(3, capped, 3, "b")], AsAWhole, vec!["ok"]),
    ];
    let after_a_leave = [
        ("a signup that left", vec![join(2, open, 1, "left")], InOrder, vec!["replay"]),
        ("a buyer who left", vec![join(2, open, 1, "b")], AsAWhole, vec!["ok"]),
        ("the tip", vec![join(5, open, 1, "a")], InOrder, vec!["ok"]),
        ("a tipped deal", vec![join(6, open, 1, "a"), join(7, open, 3, "a")], AsAWhole, vec!["ok", "ok"]),
        ("the tip of a capped deal", vec![join(0, capped, 1, "a"), join(1, capped, 1, "a")], InOrder, vec!["ok", "ok"]),
        ("a sold-out deal", vec![join(2, capped, 1, "a")], InOrder, vec!["sold_out"]),
    ];
    for (kind, batch, way, expected) in before_the_tip {
        let (answer, taken) = record_both_ways(&mut database, &batch).await;
        assert_eq!((taken, outcomes(&answer)), (way, expected), "{kind}: {answer}");
    }
    app.backend.sql(&format!("SELECT commit_leaves('{{{left}}}', '{{{open}}}', '{{{}}}')", people[2].id)).await;
    for (kind, batch, way, expected) in after_a_leave {
        let (answer, taken) = record_both_ways(&mut database, &batch).await;
        assert_eq!((taken, outcomes(&answer)), (way, expected), "{kind}: {answer}");
    }
    assert_eq!(app.counts(open).await, (7, 13));
    assert_eq!(app.counts(capped).await, (3, 6));
    app.close_now().await;
    app.settle_now().await;
    app.reconcile_now().await;
    app.assert_clean().await;
}

#[tokio::test]
async fn random_batches_give_the_same_result_as_a_whole_and_in_order() {
    let random = &mut seeded_rng();
    let app = support::app().start().await;
    let mo = app.merchant("Mo").await;
    let people = app.people("Pat", BUYERS).await;
    let mut database = connect(&app).await;
    for _ in 0..ROUNDS {
        let deals = [any_deal(&app, &mo, random).await, any_deal(&app, &mo, random).await];
        for batch_number in 0..BATCHES {
            let of_one = random.random_bool(0.8);
            let batch: Vec<JoinRequest> = (0..random.random_range(1..=4))
                .map(|_| {
                    let deal = deals[if of_one { batch_number % 2 } else { random.random_range(0..2) }];
                    let key = ["a", "b"][random.random_range(0..2)];
                    join_request(&people[random.random_range(0..BUYERS)], deal, random.random_range(1..=2), key)
                })
                .collect();
            record_both_ways(&mut database, &batch).await;
        }
    }
    app.close_now().await;
    app.settle_now().await;
    app.reconcile_now().await;
    app.assert_clean().await;
}
