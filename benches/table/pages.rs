//! Pages and the API's reads.

use anyhow::Result;

use crate::report::{Figure, Target};
use crate::rush::Rounds;
use crate::stand::{ADDRESS, NEVER, Stand};
use crate::wrk::wrk;

pub async fn pages(stand: &mut Stand) -> Result<Vec<Figure>> {
    let crowd = stand.crowd(1, NEVER, None).await?;
    let deal = crowd.prepared.deals.first().map(ToString::to_string).unwrap_or_default();
    let mut figures = Vec::new();
    let page = format!("/deals/{deal}");
    for (place, what, path, script) in [
        (16, "deal page", &page, "report"),
        (17, "GET /deals/{id}", &format!("/api/v1/deals/{deal}"), "report"),
        (18, "deal page, compressed as browsers ask for it", &page, "browser"),
    ] {
        let url = format!("http://{ADDRESS}{path}");
        stand.show("warming up");
        wrk(script, &url, 2, &[]).await?;
        let mut rounds = Rounds { ours: Vec::new(), theirs: Vec::new() };
        let (mut requests, before) = (0, transactions(stand).await?);
        for round in 1..=stand.args.rounds {
            stand.show(&format!("round {round}, the peer's /hello"));
            rounds.theirs.extend(stand.peer("/hello").await?.map(|run| run.answers_per_s()));
            stand.show(&format!("round {round}, {what}"));
            let run = wrk(script, &url, stand.args.seconds, &[]).await?;
            anyhow::ensure!(run.refused == 0, "{path} was refused");
            requests += run.requests;
            rounds.ours.push(run.good_per_s());
        }
        let queries = (transactions(stand).await? - before) as f64 / requests as f64;
        figures.push(Figure {
            place,
            what: format!("{what}, requests/s against /hello"),
            ours: rounds.ours("requests/s"),
            theirs: rounds.theirs("answers/s"),
            value: rounds.ratio(),
            unit: "×".to_owned(),
            target: Target::AtLeast(0.5),
            note: format!("{queries:.4} queries per request, workers included"),
            measured: String::new(),
        });
    }
    Ok(figures)
}

/// The number of transactions in Muster's database. Waits first, because backends report their statistics late.
async fn transactions(stand: &Stand) -> Result<i64> {
    tokio::time::sleep(std::time::Duration::from_secs(2)).await;
    let mut database = stand.database().await?;
    let count = "SELECT xact_commit + xact_rollback FROM pg_stat_database WHERE datname = current_database()";
    Ok(sqlx::query_scalar(count).fetch_one(&mut database).await?)
}
