//! Many concurrent joins with one key, over HTTP and at three nodes, as from a double click behind a load balancer.

use std::collections::{HashMap, HashSet};

use muster::domain::DealId;
use serde_json::Value;

use crate::support::race::run_concurrently;
use crate::support::{self, Person, TestApp};

/// The status, whether it was a replay, and the body.
type Reply = (u16, bool, Value);

async fn three_nodes() -> (TestApp, Person) {
    // The default limits allow fewer joins per minute.
    let many = ["limits.joins_per_account.count", "limits.joins_per_account_and_deal.count"];
    let app = many.iter().fold(support::app().nodes(3), |app, limit| app.with(limit, "1000")).start().await;
    let ann = app.buyer("Ann").await;
    (app, ann)
}

/// Joins concurrently with one key, through the nodes in turn. `units` has the units of each join.
async fn join_concurrently(app: &TestApp, ann: &Person, deal: DealId, units: impl Iterator<Item = u32>) -> Vec<Reply> {
    let clicks = units.enumerate().map(|(n, units)| {
        let ann = ann.at(&app.nodes[n % app.nodes.len()]);
        async move {
            let answer = ann.post_join(deal, units, "one-key").await;
            let is_replay = answer.headers().get("idempotency-replayed").is_some_and(|value| value == "true");
            (answer.status().as_u16(), is_replay, answer.json().await.unwrap())
        }
    });
    run_concurrently(clicks.collect::<Vec<_>>()).await
}

#[tokio::test]
async fn fifty_joins_with_one_key_at_three_nodes_make_one_signup_and_get_one_answer() {
    let (app, ann) = three_nodes().await;
    let mo = app.merchant("Mo").await;
    for round in 1..=4 {
        // These are the last units, and the retries must not be refused as sold out.
        let deal = app.deal(&mo).tipping_point(1).cap(2).publish().await.id;
        let replies = join_concurrently(&app, &ann, deal, std::iter::repeat_n(2, 50)).await;
        let same: HashSet<_> = replies
            .iter()
            .map(|(status, _, body)| (*status, body["id"].to_string(), body["units"].as_u64(), body["number"].as_u64()))
            .collect();
        assert_eq!(same.len(), 1, "round {round}: {same:?}");
        assert_eq!(replies[0].0, 201, "{:?}", replies[0]);
        assert_eq!(replies.iter().filter(|(_, is_replay, _)| !is_replay).count(), 1, "one response is not a replay");
        assert_eq!(app.counts(deal).await, (1, 2));
    }
    assert_eq!(app.backend.query_i64("SELECT count(*) FROM signups").await, 4);
    app.settle_now().await;
    app.deliver_now().await;
    app.assert_clean().await;
}

#[tokio::test]
async fn one_key_with_different_units_joins_once_and_the_rest_are_key_reused() {
    let (app, ann) = three_nodes().await;
    let mo = app.merchant("Mo").await;
    for round in 0..4 {
        let deal = app.deal(&mo).tipping_point(5).publish().await.id;
        let replies = join_concurrently(&app, &ann, deal, (0..45).map(|n| 1 + n % 3)).await;
        let mut counts: HashMap<(u16, String), usize> = HashMap::new();
        for (status, _, body) in &replies {
            let what = body["code"].as_str().map_or_else(|| body["units"].to_string(), ToOwned::to_owned);
            *counts.entry((*status, what)).or_default() += 1;
        }
        let (_, units) = app.counts(deal).await;
        let expected = HashMap::from([((201, units.to_string()), 15), ((422, "key_reused".to_owned()), 30)]);
        assert_eq!(counts, expected, "round {round}");
    }
    app.assert_clean().await;
}
