//! All scripts of a deal, called in every order and repeatedly: in the end Redis equals Postgres.

use std::collections::{BTreeMap, HashSet};

use chrono::TimeDelta;
use muster::domain::{AccountId, DealId, JoinRequest, Progress, SignupId};
use muster::quota::{Begun, BuyerUnits, Change};
use redis::AsyncCommands;

use super::harness::{now, snapshot};
use super::{Harness, new_buyer, new_deal, open, request};
use crate::support::permutations::permutations;

/// What Redis has of the deal before the first call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Start {
    Nothing,
    /// The deal before anybody joined, so later changes are missing.
    Old,
}

/// A deal with its commits, and three buyers. Ben and Cid joined earlier. Ann joins and leaves, then the terms change
/// twice.
struct Fixture {
    harness: Harness,
    ann: AccountId,
    ben: AccountId,
    cid: AccountId,
}

/// One call of a script.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Call {
    /// A whole load, with the snapshot from before Ann joined.
    Load,
    Admit,
    Renew,
    Release,
    /// The change that made this version.
    Apply(i64),
}

use Call::{Admit, Apply, Load, Release, Renew};

/// The calls of joins and leaves.
const PEOPLE: [Call; 6] = [Load, Admit, Renew, Release, Apply(5), Apply(6)];
/// The same with two changes of the terms.
const TERMS: [Call; 6] = [Load, Admit, Apply(5), Apply(6), Apply(7), Apply(8)];

impl Fixture {
    async fn new() -> Self {
        Self { harness: Harness::start().await, ann: new_buyer(), ben: new_buyer(), cid: new_buyer() }
    }

    /// The deal and its buyers at this version.
    fn at(&self, deal: DealId, rev: i64) -> (Progress, Vec<BuyerUnits>) {
        let of = |buyer, units, rev| BuyerUnits { buyer, units, rev };
        let mut buyers = BTreeMap::from([(2, of(self.ben, 1, 3)), (3, of(self.cid, 2, 4))]);
        let mut progress = Progress { rev, buyers: 2, units: 3, ..open(deal) };
        if rev >= 5 {
            buyers.insert(1, of(self.ann, 2, 5));
            (progress.buyers, progress.units) = (3, 5);
        }
        if rev >= 6 {
            buyers.insert(1, of(self.ann, 0, 6));
            (progress.buyers, progress.units) = (2, 3);
        }
        if rev >= 7 {
            (progress.cap, progress.tipping_point) = (Some(200), 9);
            progress.closes_at += TimeDelta::hours(1);
        }
        if rev >= 8 {
            progress.cap = None;
        }
        (progress, buyers.into_values().collect())
    }

    /// The change that made this version.
    fn commit(&self, deal: DealId, rev: i64, done: &[SignupId]) -> Change {
        let (progress, buyers) = self.at(deal, rev);
        let opens_at = snapshot(progress).opens_at;
        let buyers = buyers.into_iter().filter(|buyer| buyer.rev == rev).collect();
        Change { progress, opens_at, rev_before: rev - 1, done: done.to_vec(), buyers }
    }

    async fn load(&self, deal: DealId, rev: i64) {
        let (progress, buyers) = self.at(deal, rev);
        if let Begun::Begun(load) = self.harness.quota.begin_load(deal).await.unwrap() {
            load.buyers(&buyers).await.unwrap().unwrap();
            load.finish(&snapshot(progress)).await.unwrap().unwrap();
        }
    }

    /// Makes a call, and returns the rev of the figures that Redis has afterwards.
    async fn call(&self, call: Call, deal: DealId, ann: JoinRequest, other: JoinRequest) -> i64 {
        let quota = &self.harness.quota;
        match call {
            Load => self.load(deal, 4).await,
            // Either answer is fine: admitted, or the deal must be loaded.
            Admit => {
                quota.admit(deal, &[ann], now().timestamp_millis()).await.unwrap();
            }
            Renew => quota.renew(deal, &[ann.id, other.id]).await,
            Release => quota.release(deal, &[other.id]).await,
            Apply(rev) => {
                let done = [ann.id];
                let done = if rev == 5 { &done[..] } else { &[] };
                quota.apply(&self.commit(deal, rev, done)).await.unwrap();
            }
        }
        // Invariants at any time: the sums equal the holds, every hold expires, and nothing is ahead of Postgres.
        self.harness.holds(deal).await;
        let known = quota.figures(&[deal]).await.unwrap();
        let Some(known) = known.get(&deal) else { return 0 };
        assert!(known.rev <= 8 && known.applied <= 8 && known.units <= 5, "{known:?}");
        known.rev
    }

    /// Releases every hold, loads the deal if it is missing, and applies what is missing, as the reconciler does.
    async fn reconcile_and_check(&self, deal: DealId, last: i64, signups: &[SignupId]) {
        self.harness.quota.release(deal, signups).await;
        self.load(deal, last).await;
        let (progress, buyers) = self.at(deal, last);
        let known = self.harness.quota.figures(&[deal]).await.unwrap()[&deal];
        if (known.rev, known.applied) != (last, last) {
            let buyers = buyers.into_iter().filter(|buyer| buyer.rev > known.applied).collect();
            let missing = Change { rev_before: known.applied, buyers, ..self.commit(deal, last, &[]) };
            self.harness.quota.apply(&missing).await.unwrap();
        }
        // The keys stay for an hour after the deal closes.
        let stays = (progress.closes_at - now() + TimeDelta::hours(1)).num_milliseconds();
        // Read the quota last: a TTL that is read later is shorter.
        let buyers = self.harness.ttl_ms(self.harness.keys.buyers(deal)).await;
        let quota = self.harness.ttl_ms(self.harness.keys.quota(deal)).await;
        assert!((stays - 60_000..=stays).contains(&quota), "{quota} instead of {stays}");
        assert!((quota + 1_000..=stays + 1_000).contains(&buyers), "{buyers} after {quota}");
    }
}

async fn ends_of(start: Start, calls: [Call; 6], times: usize) -> HashSet<String> {
    let fixture = Fixture::new().await;
    let last = calls.iter().map(|call| if let Apply(rev) = call { *rev } else { 0 }).max().unwrap();
    let mut ends = HashSet::new();
    for order in permutations(6) {
        let deal = new_deal();
        let (ann, other) = (request(deal, fixture.ann, 2), request(deal, new_buyer(), 1));
        fixture.harness.load(open(deal), &[]).await;
        fixture.harness.admit(&[other]).await;
        if start == Start::Nothing {
            let () = fixture.harness.redis.clone().del(fixture.harness.keys.quota(deal)).await.unwrap();
        }
        let mut rev = 0;
        for &n in &order {
            for _ in 0..times {
                let next = fixture.call(calls[n], deal, ann, other).await;
                assert!(next >= rev, "{order:?}: from {rev} back to {next}");
                rev = next;
            }
        }
        fixture.reconcile_and_check(deal, last, &[ann.id, other.id]).await;
        let buyers = fixture.harness.quota.buyers(deal).await.unwrap();
        let expected = [(fixture.ann, 0), (fixture.ben, 1), (fixture.cid, 2)].into_iter().collect();
        assert_eq!(buyers, expected, "{order:?}");
        ends.insert(fixture.harness.dump(deal).await);
    }
    ends
}

/// The figures and terms that every order of these calls ends with.
async fn end_of(calls: [Call; 6]) -> String {
    let mut ends = HashSet::new();
    for (start, times) in [(Start::Nothing, 1), (Start::Nothing, 2), (Start::Old, 2)] {
        let of_this = ends_of(start, calls, times).await;
        assert_eq!(of_this.len(), 1, "{start:?}, {times} times: {of_this:#?}");
        ends.extend(of_this.iter().map(|end| figures(end)));
    }
    assert_eq!(ends.len(), 1, "{ends:#?}");
    ends.into_iter().next().unwrap()
}

#[tokio::test]
async fn calls_in_any_order_and_repeated_end_with_the_figures_of_postgres() {
    let end = end_of(PEOPLE).await;
    for known in [r#""rev": "6""#, r#""applied": "6""#, r#""units": "3""#, r#""buyers": "2""#] {
        assert!(end.contains(known), "{known} in {end}");
    }
}

#[tokio::test]
async fn calls_in_any_order_and_repeated_end_with_the_newest_terms() {
    let end = end_of(TERMS).await;
    let closes = format!(r#""closes_ms": "{}""#, (open(new_deal()).closes_at + TimeDelta::hours(1)).timestamp_millis());
    for known in [r#""rev": "8""#, r#""applied": "8""#, r#""tipping_point": "9""#, &closes] {
        assert!(end.contains(known), "{known} in {end}");
    }
    assert!(!end.contains(r#""cap""#), "no cap in {end}");
}

/// The line with the figures. The other lines contain random ids.
fn figures(dump: &str) -> String {
    dump.lines().find(|line| line.contains("quota")).unwrap().split_once(' ').unwrap().1.to_owned()
}
