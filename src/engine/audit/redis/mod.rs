//! Q1 to Q3: Redis compared with Postgres.
//!
//! Redis is read before Postgres. So Postgres must have every version that Redis has, and Redis must have every change
//! up to `applied`. Redis may be behind, but not for long.

mod compare;
mod inspector;
mod suspicion;

use std::time::Instant;

use super::report::{AuditReport, Finding, Rule};
use crate::domain::{DealId, Progress};
use crate::quota::InspectError;
use crate::store::{Store, StoreError};

use self::compare::{compare, judge_holds};
use self::inspector::DealSeen;
use self::suspicion::Subject;

pub(super) use self::inspector::Inspector;
pub(super) use self::suspicion::Suspicion;

type Inspected<T> = Result<Result<T, InspectError>, StoreError>;

macro_rules! try_redis {
    ($answer:expr) => {
        match $answer {
            Ok(seen) => seen,
            Err(why) => return Ok(Err(why)),
        }
    };
}

/// Checks Q1 and Q2 for one deal. `behind` is the version that Redis must have. `None`: the current version in
/// Postgres.
pub(super) async fn inspect_deal(
    inspector: &mut Inspector,
    store: &Store,
    deal: DealId,
    behind: Option<(i64, i64)>,
    report: &mut AuditReport,
) -> Inspected<Vec<Suspicion>> {
    let mut found = Vec::new();
    let since = Instant::now();
    let seen = try_redis!(inspector.deal(deal).await);
    let is_loaded = !matches!(seen, DealSeen::NotLoaded);
    match seen {
        DealSeen::NotLoaded => {}
        DealSeen::Unreadable(what) => {
            found.push(Suspicion::of(deal, Subject::Unreadable, "fields that can be read", what));
        }
        DealSeen::Loaded(quota) => {
            let truth = store.load_snapshot(deal).await?;
            compare(deal, &quota, truth.as_ref(), behind, &mut found);
        }
    }
    let q1 = report.tally(Rule::Q1);
    q1.looked_at += u64::from(is_loaded);
    q1.took += since.elapsed();

    let since = Instant::now();
    let holds = try_redis!(inspector.holds(deal).await);
    let version =
        if holds.holds.is_empty() { None } else { store.progress_of(&[deal]).await?.first().map(Progress::version) };
    judge_holds(deal, &holds, inspector.hold_ttl_ms(), version, &mut found);
    let q2 = report.tally(Rule::Q2);
    q2.looked_at += holds.holds.len() as u64;
    q2.took += since.elapsed();
    Ok(Ok(found))
}

/// Checks Q3 for every key, or for those that name this deal.
pub(super) async fn inspect_keys(
    inspector: &mut Inspector,
    store: &Store,
    only: Option<DealId>,
    report: &mut AuditReport,
) -> Inspected<Vec<Suspicion>> {
    let since = Instant::now();
    let strays = try_redis!(inspector.strays(only).await);
    let mut found = Vec::new();
    for key in strays.untagged {
        let expected = "a hash tag and a known name after the prefix".to_owned();
        let finding = Finding { deal: None, expected, found: key.clone() };
        found.push(Suspicion { subject: Subject::Key(key), finding });
    }
    // Other applications may use this Redis, too. A key outside the prefix counts only if it names one of our deals.
    let named: Vec<DealId> = strays.outside.keys().copied().collect();
    for ours in store.progress_of(&named).await? {
        if let Some(key) = strays.outside.get(&ours.deal) {
            found.push(Suspicion::of(ours.deal, Subject::Key(key.clone()), "the prefix before it", key.clone()));
        }
    }
    let q3 = report.tally(Rule::Q3);
    q3.looked_at += strays.looked_at;
    q3.took += since.elapsed();
    Ok(Ok(found))
}

/// Rechecks the suspicions, and keeps those that persist.
pub(super) async fn recheck(
    inspector: &mut Inspector,
    store: &Store,
    suspicions: Vec<Suspicion>,
    only: Option<DealId>,
) -> Inspected<Vec<Suspicion>> {
    // The recheck counts into a separate report, because the first check has counted these rows.
    let mut again = AuditReport::begin(false);
    let mut now = Vec::new();
    let mut deals: Vec<DealId> = suspicions.iter().filter_map(|suspicion| suspicion.finding.deal).collect();
    deals.sort_unstable();
    deals.dedup();
    for deal in deals {
        let floor = suspicions.iter().find_map(|suspicion| match suspicion.subject {
            Subject::Behind(epoch, rev) if suspicion.finding.deal == Some(deal) => Some((epoch, rev)),
            _ => None,
        });
        now.extend(try_redis!(inspect_deal(inspector, store, deal, floor, &mut again).await?));
    }
    if suspicions.iter().any(|suspicion| matches!(suspicion.subject, Subject::Key(_))) {
        now.extend(try_redis!(inspect_keys(inspector, store, only, &mut again).await?));
    }
    now.retain(|suspicion| suspicions.iter().any(|first| first.is_the_same(suspicion)));
    Ok(Ok(now))
}
