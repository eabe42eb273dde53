//! A batch is recorded as a whole where everybody is simply accepted, and else one by one: both must come to the same.

use muster::domain::{DealId, JoinRequest};
use rand::RngExt;
use rand::rngs::StdRng;
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};

use crate::support::chance::chance;
use crate::support::people::wish;
use crate::support::{self, Person, TestApp};

/// Rounds of random deals, and random batches of each.
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

/// How `commit_signups` recorded a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    AsAWhole,
    OneByOne,
}

use Way::{AsAWhole, OneByOne};

/// Records a batch both ways, one of them rolled back, and compares. Returns the answer, and the way that was taken.
async fn both_ways(database: &mut PgConnection, batch: &[JoinRequest]) -> (String, Way) {
    database.execute("BEGIN").await.unwrap();
    let in_order = commit(database, "commit_signups_in_order", batch).await;
    database.execute("ROLLBACK; BEGIN").await.unwrap();
    let before = times_in_order(database).await;
    let taken = commit(database, "commit_signups", batch).await;
    let way = if times_in_order(database).await == before { AsAWhole } else { OneByOne };
    database.execute("COMMIT").await.unwrap();
    assert_eq!(taken, in_order, "{batch:?}");
    (taken.0.unwrap(), way)
}

/// The outcomes in an answer, in the order of the batch when it is about one deal.
fn outcomes(answer: &str) -> Vec<&str> {
    let after = answer.split("\"outcome\": \"").skip(1);
    after.filter_map(|rest| rest.split('"').next()).filter(|outcome| *outcome != "figures").collect()
}

async fn connect(app: &TestApp) -> PgConnection {
    let mut database = PgConnection::connect(&app.home.database_url).await.unwrap();
    database.execute("SET track_functions = 'pl'").await.unwrap();
    database
}

/// Moves a deal's window; negative hours move it into the future.
async fn shift(app: &TestApp, deal: DealId, hours: i32) {
    let shift = format!(
        "UPDATE deals SET opens_at = opens_at - interval '{hours} hours', closes_at = closes_at - interval '{hours} hours'
          WHERE id = '{deal}'"
    );
    app.home.sql(&shift).await;
}

/// A deal whose rules are soon met, of any kind.
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
    shift(app, id, hours).await;
    id
}

/// Every kind of batch, each with the way it is recorded and what its requests are told.
#[tokio::test]
async fn recording_a_batch_as_a_whole_or_in_order_gives_the_same_result() {
    let app = support::app().start().await;
    let mo = app.merchant("Mo").await;
    let people = app.people("Pat", 8).await;
    let mut database = connect(&app).await;
    let open = app.deal(&mo).tipping_point(5).per_buyer_max(3).publish().await.id;
    let capped = app.deal(&mo).tipping_point(3).cap(6).per_buyer_max(6).publish().await.id;
    let [over, later] = [app.deal(&mo).publish().await.id, app.deal(&mo).publish().await.id];
    shift(&app, over, 48).await;
    shift(&app, later, -12).await;
    let (draft, nothing) = (app.deal(&mo).draft().await.id, DealId::generate());
    let join = |person: usize, deal, units, key| wish(&people[person], deal, units, key);
    let left = join(2, open, 1, "left").id;

    let before_the_tip = [
        ("new buyers", vec![join(0, open, 1, "a"), join(1, open, 2, "a")], AsAWhole, vec!["ok", "ok"]),
        ("a known and a new buyer", vec![join(0, open, 1, "b"), join(2, open, 1, "left")], AsAWhole, vec!["ok", "ok"]),
        ("a replay", vec![join(0, open, 1, "a")], OneByOne, vec!["replay"]),
        (
            "a replay and a new request",
            vec![join(0, open, 1, "a"), join(0, open, 1, "c")],
            OneByOne,
            vec!["replay", "ok"],
        ),
        ("a key used for something else", vec![join(0, open, 2, "a")], OneByOne, vec!["key_reused"]),
        ("too many units", vec![join(3, open, 4, "a")], OneByOne, vec!["buyer_limit"]),
        ("a buyer at the limit", vec![join(0, open, 1, "d")], OneByOne, vec!["buyer_limit"]),
        ("a buyer twice", vec![join(1, open, 1, "b"), join(1, open, 1, "c")], OneByOne, vec!["ok", "buyer_limit"]),
        ("two deals", vec![join(3, capped, 1, "a"), join(4, open, 1, "a")], OneByOne, vec!["ok", "ok"]),
        ("a deal that is over", vec![join(0, over, 1, "a")], OneByOne, vec!["closed"]),
        ("a deal that opens later", vec![join(0, later, 1, "a")], OneByOne, vec!["not_open"]),
        ("a draft", vec![join(0, draft, 1, "a")], OneByOne, vec!["no_such_deal"]),
        ("no deal", vec![join(0, nothing, 1, "a")], OneByOne, vec!["no_such_deal"]),
        ("units that buyers still needed must get", vec![join(3, capped, 4, "b")], OneByOne, vec!["not_enough_left"]),
        ("as many as those leave free", vec![join(3, capped, 3, "b")], AsAWhole, vec!["ok"]),
    ];
    let after_a_leave = [
        ("a signup that left", vec![join(2, open, 1, "left")], OneByOne, vec!["replay"]),
        ("a buyer who left", vec![join(2, open, 1, "b")], AsAWhole, vec!["ok"]),
        ("the tip", vec![join(5, open, 1, "a")], OneByOne, vec!["ok"]),
        ("a deal that is on", vec![join(6, open, 1, "a"), join(7, open, 3, "a")], AsAWhole, vec!["ok", "ok"]),
        (
            "the tip of a capped deal",
            vec![join(0, capped, 1, "a"), join(1, capped, 1, "a")],
            OneByOne,
            vec!["ok", "ok"],
        ),
        ("a sold-out deal", vec![join(2, capped, 1, "a")], OneByOne, vec!["sold_out"]),
    ];
    for (kind, batch, way, told) in before_the_tip {
        let (answer, taken) = both_ways(&mut database, &batch).await;
        assert_eq!((taken, outcomes(&answer)), (way, told), "{kind}: {answer}");
    }
    app.home.sql(&format!("SELECT commit_leaves('{{{left}}}', '{{{open}}}', '{{{}}}')", people[2].id)).await;
    for (kind, batch, way, told) in after_a_leave {
        let (answer, taken) = both_ways(&mut database, &batch).await;
        assert_eq!((taken, outcomes(&answer)), (way, told), "{kind}: {answer}");
    }
    assert_eq!(app.counts(open).await, (7, 13));
    assert_eq!(app.counts(capped).await, (3, 6));
    app.close_now().await;
    app.settle_now().await;
    app.reconcile_now().await;
    app.assert_clean().await;
}

/// Whatever the batches are; how many of a kind there are is left to chance.
#[tokio::test]
async fn a_random_batch_comes_to_the_same_both_ways() {
    let random = &mut chance();
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
                    wish(&people[random.random_range(0..BUYERS)], deal, random.random_range(1..=2), key)
                })
                .collect();
            both_ways(&mut database, &batch).await;
        }
    }
    app.close_now().await;
    app.settle_now().await;
    app.reconcile_now().await;
    app.assert_clean().await;
}
