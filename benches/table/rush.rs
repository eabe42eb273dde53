//! The ceiling: the maximum rate of joins, or of refusals, over 64 connections.

use anyhow::Result;
use muster::domain::DealId;
use uuid::Uuid;

use crate::report::{Figure, Target, median};
use crate::stand::{NEVER, Stand};

const NO_PEER: &str = "no peer here";

/// The results of alternating rounds: Muster's, and those of what it is compared with.
pub struct Rounds {
    pub ours: Vec<f64>,
    pub theirs: Vec<f64>,
}

impl Rounds {
    pub fn ratio(&self) -> Option<f64> {
        (!self.theirs.is_empty()).then(|| median(&self.ours) / median(&self.theirs))
    }

    pub fn ours(&self, unit: &str) -> String {
        format!("{:.0} {unit}", median(&self.ours))
    }

    pub fn theirs(&self, unit: &str) -> String {
        if self.theirs.is_empty() { NO_PEER.to_owned() } else { format!("{:.0} {unit}", median(&self.theirs)) }
    }
}

async fn against_peer(stand: &mut Stand, path: &str) -> Result<Rounds> {
    let crowd = stand.crowd(1, NEVER, None).await?;
    stand.warm_up(&crowd).await?;
    let mut rounds = Rounds { ours: Vec::new(), theirs: Vec::new() };
    for round in 1..=stand.args.rounds {
        stand.show(&format!("round {round}, the peer's {path}"));
        rounds.theirs.extend(stand.peer(path).await?.map(|run| run.good_per_s()));
        stand.show(&format!("round {round}, joins"));
        rounds.ours.push(stand.join(&crowd).await?.good_per_s());
    }
    Ok(rounds)
}

pub async fn hot(stand: &mut Stand) -> Result<Vec<Figure>> {
    let rounds = against_peer(stand, "/both/1").await?;
    Ok(vec![Figure {
        place: 1,
        what: "durable joins/s, one hot deal, against the peer's /both/1".to_owned(),
        ours: rounds.ours("joins/s"),
        theirs: rounds.theirs("joins/s"),
        value: rounds.ratio(),
        unit: "×".to_owned(),
        target: Target::AtLeast(15.0),
        note: String::new(),
        measured: String::new(),
    }])
}

pub async fn redis(stand: &mut Stand) -> Result<Vec<Figure>> {
    let rounds = against_peer(stand, "/redis/1").await?;
    Ok(vec![Figure {
        place: 2,
        what: "the same against the peer's /redis/1, which is not durable".to_owned(),
        ours: rounds.ours("joins/s"),
        theirs: rounds.theirs("joins/s"),
        value: rounds.ratio(),
        unit: "×".to_owned(),
        target: Target::AtLeast(1.5),
        note: String::new(),
        measured: String::new(),
    }])
}

pub async fn many(stand: &mut Stand) -> Result<Vec<Figure>> {
    let many = stand.crowd(1_000, NEVER, None).await?;
    let one = stand.crowd(1, NEVER, None).await?;
    stand.warm_up(&one).await?;
    stand.warm_up(&many).await?;
    let mut rounds = Rounds { ours: Vec::new(), theirs: Vec::new() };
    for round in 1..=stand.args.rounds {
        stand.show(&format!("round {round}, one deal"));
        rounds.theirs.push(stand.join(&one).await?.good_per_s());
        stand.show(&format!("round {round}, 1,000 deals"));
        rounds.ours.push(stand.join(&many).await?.good_per_s());
    }
    Ok(vec![Figure {
        place: 3,
        what: "durable joins/s over 1,000 deals, against Muster's own hot deal".to_owned(),
        ours: rounds.ours("joins/s"),
        theirs: rounds.theirs("joins/s"),
        value: rounds.ratio(),
        unit: "×".to_owned(),
        target: Target::AtLeast(0.8),
        note: String::new(),
        measured: String::new(),
    }])
}

/// The hot deal before and after the table is filled with signups of other deals.
pub async fn full(stand: &mut Stand) -> Result<Vec<Figure>> {
    let others = stand.crowd(1_000, NEVER, None).await?;
    let one = stand.crowd(1, NEVER, None).await?;
    stand.warm_up(&one).await?;
    let mut rounds = Rounds { ours: Vec::new(), theirs: Vec::new() };
    for round in 1..=stand.args.rounds {
        stand.show(&format!("round {round}, before the table is filled"));
        rounds.theirs.push(stand.join(&one).await?.good_per_s());
    }
    stand.show(&format!("filling the table with {} signups", stand.args.signups));
    fill(stand, &others.prepared.deals).await?;
    stand.warm_up(&one).await?;
    for round in 1..=stand.args.rounds {
        stand.show(&format!("round {round}, a full table"));
        rounds.ours.push(stand.join(&one).await?.good_per_s());
    }
    Ok(vec![Figure {
        place: 4,
        what: format!("the same with {} million signups already in the table", stand.args.signups as f64 / 1e6),
        ours: rounds.ours("joins/s"),
        theirs: rounds.theirs("joins/s"),
        value: rounds.ratio(),
        unit: "×".to_owned(),
        target: Target::AtLeast(0.8),
        note: if stand.args.signups < 10_000_000 { "the target is about 10 million".to_owned() } else { String::new() },
        measured: String::new(),
    }])
}

async fn fill(stand: &Stand, deals: &[DealId]) -> Result<()> {
    let mut database = stand.database().await?;
    let deals: Vec<Uuid> = deals.iter().map(|deal| deal.as_uuid()).collect();
    let signups = stand.args.signups.cast_signed();
    let fill = "INSERT INTO signups (deal, id, buyer, units, number, rev, joined_at, held, held_rev)
         SELECT ($1::uuid[])[1 + n % cardinality($1)], gen_random_uuid(), gen_random_uuid(), 1,
                1 + n / cardinality($1), 2 + n / cardinality($1), muster_now(), 1, 2 + n / cardinality($1)
           FROM generate_series(0, $2::bigint - 1) AS n";
    sqlx::query(fill).bind(&deals).bind(signups).execute(&mut database).await?;
    // Autovacuum would run some minutes later, during the measurement.
    sqlx::query("VACUUM (ANALYZE) signups").execute(&mut database).await?;
    sqlx::query("CHECKPOINT").execute(&mut database).await?;
    Ok(())
}

pub async fn sold_out(stand: &mut Stand) -> Result<Vec<Figure>> {
    // Joins of known buyers go to Postgres. Only ten buyers fill the deal, so they are few, as after a real rush.
    let crowd = stand.crowd(1, "10", Some("100")).await?;
    stand.show("selling the deal out");
    let deal = crowd.prepared.deals.first().map(ToString::to_string).unwrap_or_default();
    let client = reqwest::Client::new();
    for (n, buyer) in crowd.prepared.buyers.iter().take(10).enumerate() {
        let url = format!("http://{}/api/v1/deals/{deal}/signups", crate::stand::ADDRESS);
        let units = if n == 0 { 91 } else { 1 };
        let request = client.post(&url).bearer_auth(&buyer.token).header("Idempotency-Key", format!("fill-{n}"));
        request.json(&serde_json::json!({ "units": units })).send().await?.error_for_status()?;
    }
    stand.warm_up(&crowd).await?;
    let mut rounds = Rounds { ours: Vec::new(), theirs: Vec::new() };
    for round in 1..=stand.args.rounds {
        stand.show(&format!("round {round}, the peer's /hello"));
        rounds.theirs.extend(stand.peer("/hello").await?.map(|run| run.answers_per_s()));
        stand.show(&format!("round {round}, refusals"));
        let run = stand.join(&crowd).await?;
        anyhow::ensure!(run.refused == run.requests, "a join of the sold-out deal was not refused: {run:?}");
        rounds.ours.push(run.answers_per_s());
    }
    Ok(vec![Figure {
        place: 5,
        what: "refusals/s on a sold-out deal, against the peer's /hello".to_owned(),
        ours: rounds.ours("refusals/s"),
        theirs: rounds.theirs("answers/s"),
        value: rounds.ratio(),
        unit: "×".to_owned(),
        target: Target::AtLeast(0.4),
        note: String::new(),
        measured: String::new(),
    }])
}
