//! How fast coupons are issued.

use std::time::Duration;

use anyhow::Result;
use sqlx::{Executor, PgConnection};
use tokio::time::Instant;
use uuid::Uuid;

use crate::report::{Figure, Target, median};
use crate::stand::{NEVER, Stand};

/// Much longer than settling takes.
const PATIENCE: Duration = Duration::from_mins(8);

pub async fn settle(stand: &mut Stand) -> Result<Vec<Figure>> {
    let (mut settled, mut bare) = (Vec::new(), Vec::new());
    let mut database = stand.database().await?;
    for _ in 0..stand.args.rounds {
        let crowd = stand.crowd(1, NEVER, None).await?;
        let deal = crowd.prepared.deals.first().map(|deal| deal.as_uuid());
        settled.push(settled_per_second(stand, &mut database, deal).await?);
        bare.push(inserted_per_second(stand, &mut database, deal).await?);
    }
    let (settled, bare) = (median(&settled), median(&bare));
    Ok(vec![Figure {
        place: 10,
        what: "coupons settled/s, against a bare INSERT … SELECT of the same rows".to_owned(),
        ours: format!("{settled:.0} coupons/s"),
        theirs: format!("{bare:.0} coupons/s"),
        value: Some(settled / bare),
        unit: "×".to_owned(),
        target: Target::AtLeast(0.5),
        note: "coupons, look-up hashes and outbox rows; settling also reads the signups and derives the codes"
            .to_owned(),
        measured: String::new(),
    }])
}

/// Inserts all signups of a deal and tips it in one statement, waits for the node's settler, and returns its rate.
async fn settled_per_second(stand: &Stand, database: &mut PgConnection, deal: Option<Uuid>) -> Result<f64> {
    let coupons = stand.args.coupons.cast_signed();
    stand.show("tipping a deal with all its signups");
    // One statement, so the settler never reads figures that disagree. It finds the deal within a second.
    sqlx::query(
        "WITH made AS (
            INSERT INTO signups (deal, id, buyer, units, number, rev, joined_at, held, held_rev)
            SELECT $1, gen_random_uuid(), gen_random_uuid(), 1, n, n + 2, muster_now(), 1, n + 2
              FROM generate_series(1, $2::bigint) AS n)
         UPDATE deals SET buyers = $2, units = $2, rev = $2 + 2, state = 'tipped', tipped_at = muster_now(), tipping_point = $2
          WHERE id = $1",
    )
    .bind(deal)
    .bind(coupons)
    .execute(&mut *database)
    .await?;
    let began = Instant::now();
    loop {
        tokio::time::sleep(Duration::from_millis(500)).await;
        let issued: i64 = sqlx::query_scalar("SELECT count(*) FROM coupons WHERE deal = $1")
            .bind(deal)
            .fetch_one(&mut *database)
            .await?;
        stand.show(&format!("{issued} coupons issued"));
        if issued >= coupons {
            break;
        }
        anyhow::ensure!(began.elapsed() < PATIENCE, "{issued} coupons of {coupons} after {PATIENCE:?}");
    }
    // The time between the first and the last coupon, so waiting for the settler's turn does not count.
    let took: f64 = sqlx::query_scalar(
        "SELECT extract(epoch FROM max(issued_at) - min(issued_at))::float8 FROM coupons WHERE deal = $1",
    )
    .bind(deal)
    .fetch_one(&mut *database)
    .await?;
    Ok(coupons as f64 / took)
}

/// Copies the rows that settling wrote into tables of the same shape, and returns the rate.
async fn inserted_per_second(stand: &Stand, database: &mut PgConnection, deal: Option<Uuid>) -> Result<f64> {
    stand.show("inserting the same rows");
    for table in ["coupons", "coupon_codes", "outbox"] {
        let copy = format!("DROP TABLE IF EXISTS bare_{table}; CREATE TABLE bare_{table} (LIKE {table} INCLUDING ALL)");
        database.execute(sqlx::AssertSqlSafe(copy)).await?;
    }
    sqlx::query("CHECKPOINT").execute(&mut *database).await?;
    let began = Instant::now();
    for copy in [
        "INSERT INTO bare_coupons SELECT * FROM coupons WHERE deal = $1",
        "INSERT INTO bare_coupon_codes SELECT * FROM coupon_codes WHERE deal = $1",
        "INSERT INTO bare_outbox OVERRIDING SYSTEM VALUE SELECT * FROM outbox WHERE deal = $1",
    ] {
        sqlx::query(copy).bind(deal).execute(&mut *database).await?;
    }
    Ok(stand.args.coupons as f64 / began.elapsed().as_secs_f64())
}
