//! How fast coupons are issued.

use std::time::Duration;

use anyhow::Result;
use tokio::time::Instant;

use crate::report::{Figure, Target};
use crate::stand::{NEVER, Stand};

/// Far more than it takes.
const PATIENCE: Duration = Duration::from_mins(8);

pub async fn settle(stand: &mut Stand) -> Result<Vec<Figure>> {
    let crowd = stand.crowd(1, NEVER, None).await?;
    let deal = crowd.prepared.deals.first().map(|deal| deal.as_uuid());
    let coupons = stand.args.coupons.cast_signed();
    let mut database = stand.database().await?;
    stand.say("a deal that tips with all its signups at once");
    // One statement, as the figures may never disagree; the node's settler finds it within a second.
    sqlx::query(
        "WITH made AS (
            INSERT INTO signups (deal, id, buyer, units, number, rev, joined_at)
            SELECT $1, gen_random_uuid(), gen_random_uuid(), 1, n, n + 2, muster_now() FROM generate_series(1, $2::bigint) AS n
            RETURNING deal, buyer, units, rev),
         buyers AS (
            INSERT INTO deal_buyers (deal, buyer, units, rev) SELECT deal, buyer, units, rev FROM made)
         UPDATE deals SET buyers = $2, units = $2, rev = $2 + 2, state = 'tipped', tipped_at = muster_now(), tipping_point = $2
          WHERE id = $1",
    )
    .bind(deal)
    .bind(coupons)
    .execute(&mut database)
    .await?;
    let began = Instant::now();
    loop {
        tokio::time::sleep(Duration::from_millis(500)).await;
        let issued: i64 = sqlx::query_scalar("SELECT count(*) FROM coupons WHERE deal = $1")
            .bind(deal)
            .fetch_one(&mut database)
            .await?;
        stand.say(&format!("{issued} coupons issued"));
        if issued >= coupons {
            break;
        }
        anyhow::ensure!(began.elapsed() < PATIENCE, "{issued} coupons of {coupons} after {PATIENCE:?}");
    }
    // From the first call to the last: their own times, so that waiting for the settler's turn does not count.
    let took: f64 = sqlx::query_scalar(
        "SELECT extract(epoch FROM max(issued_at) - min(issued_at))::float8 FROM coupons WHERE deal = $1",
    )
    .bind(deal)
    .fetch_one(&mut database)
    .await?;
    let settled = coupons as f64 / took;

    stand.say("the same rows at once");
    for table in ["coupons", "coupon_codes", "outbox"] {
        let copy = format!("CREATE TABLE bare_{table} (LIKE {table} INCLUDING ALL)");
        sqlx::query(sqlx::AssertSqlSafe(copy)).execute(&mut database).await?;
    }
    sqlx::query("CHECKPOINT").execute(&mut database).await?;
    let began = Instant::now();
    for copy in [
        "INSERT INTO bare_coupons SELECT * FROM coupons",
        "INSERT INTO bare_coupon_codes SELECT * FROM coupon_codes",
        "INSERT INTO bare_outbox OVERRIDING SYSTEM VALUE SELECT * FROM outbox",
    ] {
        sqlx::query(copy).execute(&mut database).await?;
    }
    let bare = coupons as f64 / began.elapsed().as_secs_f64();
    Ok(vec![Figure {
        place: 10,
        what: "coupons settled/s, against a bare INSERT … SELECT of the same rows".to_owned(),
        ours: format!("{settled:.0} coupons/s"),
        theirs: format!("{bare:.0} coupons/s"),
        value: Some(settled / bare),
        unit: "×".to_owned(),
        target: Target::AtLeast(0.5),
        note: "coupons, look-up hashes and outbox rows; settling also derives the codes and marks the signups"
            .to_owned(),
        measured: String::new(),
    }])
}
