//! All scripts of a deal, called in every order and twice each: once things are at rest, Redis says what Postgres says.

use std::collections::{BTreeMap, HashSet};

use muster::domain::{AccountId, DealId, JoinRequest, Progress, SignupId};
use muster::quota::{Begun, BuyerUnits, Change};
use redis::AsyncCommands;

use super::table::{now, snapshot};
use super::{Table, new_deal, open, request, someone};
use crate::support::orders::orders;

/// What Redis had of the deal before anything else happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Start {
    Nothing,
    /// The deal as it was before anybody joined: what came in between is missing.
    Old,
}

/// Two commits of a deal, and three buyers. Ben and Cid joined before; Ann joins, then leaves.
struct Scene {
    table: Table,
    ann: AccountId,
    ben: AccountId,
    cid: AccountId,
}

impl Scene {
    /// The deal after so many commits, and who is in it.
    fn at(&self, deal: DealId, rev: i64) -> (Progress, Vec<BuyerUnits>) {
        let of = |buyer, units, rev| BuyerUnits { buyer, units, rev };
        let mut buyers = BTreeMap::from([(2, of(self.ben, 1, 3)), (3, of(self.cid, 2, 4))]);
        let (mut people, mut units) = (2, 3);
        if rev >= 5 {
            buyers.insert(1, of(self.ann, 2, 5));
            (people, units) = (3, 5);
        }
        if rev >= 6 {
            buyers.insert(1, of(self.ann, 0, 6));
            (people, units) = (2, 3);
        }
        (Progress { rev, buyers: people, units, ..open(deal) }, buyers.into_values().collect())
    }

    /// What the commit that made this version tells.
    fn commit(&self, deal: DealId, rev: i64, done: &[SignupId]) -> Change {
        let (progress, buyers) = self.at(deal, rev);
        let buyers = buyers.into_iter().filter(|buyer| buyer.rev == rev).collect();
        Change { progress, rev_before: rev - 1, done: done.to_vec(), buyers }
    }

    async fn load(&self, deal: DealId, rev: i64) {
        let (progress, buyers) = self.at(deal, rev);
        if let Begun::Begun(load) = self.table.quota.begin_load(deal).await.unwrap() {
            load.buyers(&buyers).await.unwrap().unwrap();
            load.finish(&snapshot(progress)).await.unwrap().unwrap();
        }
    }

    /// Makes the call of this number, and answers up to which version Redis knows the figures then.
    async fn call(&self, n: usize, deal: DealId, ann: JoinRequest, other: JoinRequest) -> i64 {
        let quota = &self.table.quota;
        match n {
            0 => self.load(deal, 4).await,
            // Whatever the answer is: a place, or that the deal must be loaded.
            1 => {
                quota.admit(deal, &[ann], now().timestamp_millis()).await.unwrap();
            }
            2 => quota.renew(deal, &[ann.id, other.id]).await,
            3 => quota.release(deal, &[other.id]).await,
            4 => {
                quota.apply(&self.commit(deal, 5, &[ann.id])).await.unwrap();
            }
            _ => {
                quota.apply(&self.commit(deal, 6, &[])).await.unwrap();
            }
        }
        // At any moment: the sums are those of the parts, every hold ends, nothing is ahead of Postgres.
        self.table.holds(deal).await;
        let known = quota.figures(&[deal]).await.unwrap();
        let Some(known) = known.get(&deal) else { return 0 };
        assert!(known.rev <= 6 && known.applied <= 6 && known.units <= 5, "{known:?}");
        known.rev
    }

    /// Everybody has given up waiting, the deal is loaded if it is not there, and told what is missing, as reconciling does.
    async fn comes_to_rest(&self, deal: DealId, signups: &[SignupId]) {
        self.table.quota.release(deal, signups).await;
        self.load(deal, 6).await;
        let (progress, buyers) = self.at(deal, 6);
        let known = self.table.quota.figures(&[deal]).await.unwrap()[&deal];
        if (known.rev, known.applied) != (6, 6) {
            let buyers = buyers.into_iter().filter(|buyer| buyer.rev > known.applied).collect();
            let missing = Change { progress, rev_before: known.applied, done: Vec::new(), buyers };
            self.table.quota.apply(&missing).await.unwrap();
        }
    }
}

async fn ends_of(start: Start, times: usize) -> HashSet<String> {
    let scene = Scene { table: Table::lay().await, ann: someone(), ben: someone(), cid: someone() };
    let mut ends = HashSet::new();
    for order in orders(6) {
        let deal = new_deal();
        let (ann, other) = (request(deal, scene.ann, 2), request(deal, someone(), 1));
        scene.table.load(open(deal), &[]).await;
        scene.table.admit(&[other]).await;
        if start == Start::Nothing {
            let () = scene.table.redis.clone().del(scene.table.keys.quota(deal)).await.unwrap();
        }
        let mut rev = 0;
        for &n in &order {
            for _ in 0..times {
                let now = scene.call(n, deal, ann, other).await;
                assert!(now >= rev, "{order:?}: from {rev} back to {now}");
                rev = now;
            }
        }
        scene.comes_to_rest(deal, &[ann.id, other.id]).await;
        let buyers = scene.table.quota.buyers(deal).await.unwrap();
        let expected = [(scene.ann, 0), (scene.ben, 1), (scene.cid, 2)].into_iter().collect();
        assert_eq!(buyers, expected, "{order:?}");
        ends.insert(scene.table.dump(deal).await);
    }
    ends
}

#[tokio::test]
async fn whatever_the_order_and_however_often_redis_ends_up_with_what_postgres_says() {
    let mut ends = HashSet::new();
    for (start, times) in [(Start::Nothing, 1), (Start::Nothing, 2), (Start::Old, 2)] {
        let of_this = ends_of(start, times).await;
        assert_eq!(of_this.len(), 1, "{start:?}, {times} times: {of_this:#?}");
        ends.extend(of_this.iter().map(|end| figures(end)));
    }
    assert_eq!(ends.len(), 1, "{ends:#?}");
    let end = ends.into_iter().next().unwrap();
    for known in [r#""rev": "6""#, r#""applied": "6""#, r#""units": "3""#, r#""buyers": "2""#] {
        assert!(end.contains(known), "{known} in {end}");
    }
}

/// The line of the figures: the others name people, who are others each time.
fn figures(dump: &str) -> String {
    dump.lines().find(|line| line.contains("quota")).unwrap().split_once(' ').unwrap().1.to_owned()
}
