//! Query plans of the functions on the path of a join, cached while the tables were empty and used when they are full.

use muster::domain::{AccountId, JoinRequest, Units};
use muster::store::LANE_SETUP;
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};
use uuid::Uuid;

use crate::support::people::join_request;
use crate::support::{self, TestApp};

/// A session that writes every query plan to the server's log, including those inside functions.
struct Session<'a> {
    database: PgConnection,
    app: &'a TestApp,
}

impl<'a> Session<'a> {
    async fn begin(app: &'a TestApp) -> Self {
        let mut database = PgConnection::connect(&app.backend.database_url).await.unwrap();
        let settings = "LOAD 'auto_explain'; SET auto_explain.log_min_duration = 0;
                        SET auto_explain.log_nested_statements = on; SET jit = off";
        database.execute(settings).await.unwrap();
        database.execute(LANE_SETUP).await.unwrap();
        Self { database, app }
    }

    async fn commit_signups(&mut self, batch: &[JoinRequest]) {
        let ids: Vec<Uuid> = batch.iter().map(|r| r.id.as_uuid()).collect();
        let deals: Vec<Uuid> = batch.iter().map(|r| r.deal.as_uuid()).collect();
        let buyers: Vec<Uuid> = batch.iter().map(|r| r.buyer.as_uuid()).collect();
        let units: Vec<i32> = batch.iter().map(|r| r.units.get().cast_signed()).collect();
        let call = sqlx::query("SELECT count(*) FROM commit_signups($1, $2, $3, $4)");
        call.bind(ids).bind(deals).bind(buyers).bind(units).execute(&mut self.database).await.unwrap();
    }

    async fn commit_leaves(&mut self, batch: &[JoinRequest]) {
        let ids: Vec<Uuid> = batch.iter().map(|r| r.id.as_uuid()).collect();
        let deals: Vec<Uuid> = batch.iter().map(|r| r.deal.as_uuid()).collect();
        let buyers: Vec<Uuid> = batch.iter().map(|r| r.buyer.as_uuid()).collect();
        let call = sqlx::query("SELECT count(*) FROM commit_leaves($1, $2, $3)");
        call.bind(ids).bind(deals).bind(buyers).execute(&mut self.database).await.unwrap();
    }

    async fn issue_coupons(&mut self, signups: &[JoinRequest]) {
        let deals: Vec<Uuid> = signups.iter().map(|r| r.deal.as_uuid()).collect();
        let ids: Vec<Uuid> = signups.iter().map(|r| r.id.as_uuid()).collect();
        let buyers: Vec<Uuid> = signups.iter().map(|r| r.buyer.as_uuid()).collect();
        let ordinals = vec![1_i32; ids.len()];
        let coupons: Vec<Uuid> = ids.iter().map(|_| Uuid::now_v7()).collect();
        let lookups: Vec<Vec<u8>> = coupons.iter().map(|id| [*id.as_bytes(), *id.as_bytes()].concat()).collect();
        let so_far = sqlx::query_as("SELECT settled_rev, settled_rev + $2 FROM settling WHERE deal = $1");
        let (from, to): (i64, i64) =
            so_far.bind(deals[0]).bind(ids.len().cast_signed() as i64).fetch_one(&mut self.database).await.unwrap();
        let call =
            sqlx::query_scalar("SELECT issue_coupons($1, $2, $3, $4, $5, $6, $7, $8, $9, 1::smallint, 2::smallint)");
        let call = call.bind(vec![deals[0]]).bind(vec![from]).bind(vec![to]);
        let call = call.bind(deals).bind(&ids).bind(buyers).bind(ordinals).bind(coupons).bind(lookups);
        let issued: i64 = call.fetch_one(&mut self.database).await.unwrap();
        assert_eq!(issued, ids.len().cast_signed() as i64);
    }

    /// Looks up a code that no coupon has, under two keys. Uses a new account each time, because ten wrong codes are
    /// the limit.
    async fn redeem_coupon(&mut self) {
        let lookups: Vec<Vec<u8>> = vec![vec![0; 32], vec![1; 32]];
        let call = sqlx::query_scalar("SELECT outcome FROM redeem_coupon($1, $2, $3, 'till', NULL)");
        let outcome: String =
            call.bind(lookups).bind(Uuid::now_v7()).bind([Uuid::now_v7()]).fetch_one(&mut self.database).await.unwrap();
        assert_eq!(outcome, "unknown");
    }

    /// The query plans that the server logs during this work.
    async fn plans_of(&mut self, work: impl AsyncFnOnce(&mut Self)) -> String {
        let [begin, end] = ["begin", "end"].map(|what| format!("{what} {}", Uuid::now_v7()));
        self.mark(&begin).await;
        work(self).await;
        self.mark(&end).await;
        let log = std::fs::read_to_string(self.app.backend.postgres_log().await).unwrap();
        let from = log.find(&begin).unwrap();
        log[from..from + log[from..].find(&end).unwrap()].to_owned()
    }

    async fn mark(&mut self, mark: &str) {
        let raise = format!("DO $$ BEGIN RAISE LOG '{mark}'; END $$");
        self.database.execute(AssertSqlSafe(raise)).await.unwrap();
    }
}

fn stranger(like: &JoinRequest) -> JoinRequest {
    let id = Uuid::now_v7();
    JoinRequest { id: id.into(), buyer: AccountId::from(id), units: Units::new(1).unwrap(), ..*like }
}

fn strangers(like: &JoinRequest, count: usize) -> Vec<JoinRequest> {
    (0..count).map(|_| stranger(like)).collect()
}

/// The settler's join of its own arguments: neither side is a table.
const OF_CHUNKS: &str = "Hash Cond: (n.deal = o.deal)";

/// Asserts that no growing table is scanned and that no join needs a scan.
fn assert_no_scan(plans: &str, of: &str) {
    for table in ["signups", "deals", "coupons", "coupon_codes", "settling"] {
        assert!(!plans.contains(&format!("Seq Scan on {table}")), "{of} scans {table}:\n{plans}");
    }
    for join in ["Hash Join", "Merge Join", "Hash Right Join", "Merge Right Join", "Hash Left Join", "Merge Left Join"]
    {
        let joins = plans.matches(join).count();
        let of_chunks = if join == "Hash Join" { plans.matches(OF_CHUNKS).count() } else { 0 };
        assert_eq!(joins, of_chunks, "{of} has a {join}:\n{plans}");
    }
    let key = match of {
        "issue_coupons" => "Index Scan using settling_pkey",
        "redeem_coupon" => "Index Scan using coupon_codes_pkey",
        "commit_signups of strangers" => "using signups_of_buyer",
        _ => "Index Scan using signups_pkey",
    };
    assert!(plans.contains(key), "{of} looks rows up by their key:\n{plans}");
    assert!(!plans.contains("JIT:"), "{of} is compiled:\n{plans}");
}

#[tokio::test]
async fn plans_cached_for_empty_tables_use_indexes_when_the_tables_are_full() {
    let app = support::app().start().await;
    let (mo, ann) = (app.merchant("Mo").await, app.buyer("Ann").await);
    let deal = app.deal(&mo).tipping_point(1_000_000).publish().await.id;
    let tipped = app.deal(&mo).tipping_point(1).publish().await.id;
    let [in_open, in_tipped] = [join_request(&ann, deal, 1, "x"), join_request(&ann, tipped, 1, "x")];
    let mut session = Session::begin(&app).await;
    session.commit_signups(&[in_tipped]).await;
    app.store.settler().await.unwrap().unsettled(1).await.unwrap();
    // Often enough for PL/pgSQL to switch to a generic plan.
    for _ in 0..10 {
        let few = strangers(&in_open, 2);
        session.commit_signups(&few).await;
        session.commit_signups(&few).await;
        session.commit_leaves(&few).await;
        let few = strangers(&in_tipped, 2);
        session.commit_signups(&few).await;
        session.issue_coupons(&few).await;
        session.redeem_coupon().await;
    }
    let fill = format!(
        "INSERT INTO signups (deal, id, buyer, units, number, rev, joined_at, held, held_rev)
         SELECT '{deal}', gen_random_uuid(), gen_random_uuid(), 1, 1, n, muster_now(), 1, n
           FROM generate_series(1000000, 1020000) AS n"
    );
    app.backend.sql(&fill).await;

    let some = strangers(&in_open, 100);
    let joining = session.plans_of(async |session| session.commit_signups(&some).await).await;
    assert_no_scan(&joining, "commit_signups of strangers");
    let replaying = session.plans_of(async |session| session.commit_signups(&some).await).await;
    assert_no_scan(&replaying, "commit_signups");
    let leaving = session.plans_of(async |session| session.commit_leaves(&some).await).await;
    assert_no_scan(&leaving, "commit_leaves");
    let some = strangers(&in_tipped, 100);
    session.commit_signups(&some).await;
    let settling = session.plans_of(async |session| session.issue_coupons(&some).await).await;
    assert_no_scan(&settling, "issue_coupons");
    let redeeming = session.plans_of(async |session| session.redeem_coupon().await).await;
    assert_no_scan(&redeeming, "redeem_coupon");
}
