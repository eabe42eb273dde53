//! Q1 to Q3: Redis compared with Postgres.
//!
//! Redis is read first, Postgres after it. So Postgres must know every version that Redis knows, and Redis must have every change up
//! to the version that it claims. Redis may only be behind, and not for long.

use std::fmt;
use std::time::{Duration, Instant};

use chrono::DateTime;

use super::report::{AuditReport, Finding, Rule};
use crate::domain::{AccountId, DealId, DealState, Progress};
use crate::quota::{CannotLook, DealSeen, HoldsSeen, Inspector, QuotaInRedis};
use crate::store::{LoadSnapshot, Store, StoreError};

/// How much longer than its time to live a hold may last, for clocks and rounding.
const HOLD_SLACK_MS: i64 = 5_000;

/// The subject of a suspicion. Two suspicions with the same subject are the same, even if their figures differ.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Subject {
    /// Q1: older than this version of Postgres.
    Behind(i64, i64),
    /// Q1: of a version that Postgres does not know.
    Ahead,
    /// Q1: other figures or terms of the same version.
    Figures,
    /// Q1: a field that cannot be read.
    Unreadable,
    /// Q1: a buyer's units.
    Buyer(AccountId),
    /// Q2: sums that do not equal their parts.
    Sums,
    /// Q2: a hold that never ends, or all holds of a deal.
    Endless(String),
    /// Q2: a hold while the deal stays at this version.
    Held(String, Option<(i64, i64)>),
    /// Q3: a key.
    Key(String),
}

/// A difference at one moment.
#[derive(Clone, Debug)]
pub(super) struct Suspicion {
    subject: Subject,
    finding: Finding,
}

impl Suspicion {
    fn of(deal: DealId, subject: Subject, expected: impl Into<String>, found: impl Into<String>) -> Self {
        Self { subject, finding: Finding { deal: Some(deal), expected: expected.into(), found: found.into() } }
    }

    /// How long the difference must persist to count. Holds have their own limit.
    pub(super) const fn persistence(&self, usual: Duration, of_holds: Duration) -> Duration {
        if matches!(self.subject, Subject::Held(..)) { of_holds } else { usual }
    }

    pub(super) fn report(self, report: &mut AuditReport) {
        let rule = match self.subject {
            Subject::Sums | Subject::Endless(_) | Subject::Held(..) => Rule::Q2,
            Subject::Key(_) => Rule::Q3,
            _ => Rule::Q1,
        };
        report.tally(rule).find(self.finding);
    }

    fn is_the_same(&self, other: &Self) -> bool {
        let both_behind = matches!((&self.subject, &other.subject), (Subject::Behind(..), Subject::Behind(..)));
        self.finding.deal == other.finding.deal && (both_behind || self.subject == other.subject)
    }
}

type Looked<T> = Result<Result<T, CannotLook>, StoreError>;

macro_rules! look {
    ($answer:expr) => {
        match $answer {
            Ok(seen) => seen,
            Err(why) => return Ok(Err(why)),
        }
    };
}

/// Q1 and Q2 of one deal. `behind` is the version that Redis must know by now. None: the one that Postgres knows.
pub(super) async fn look(
    inspector: &mut Inspector,
    store: &Store,
    deal: DealId,
    behind: Option<(i64, i64)>,
    report: &mut AuditReport,
) -> Looked<Vec<Suspicion>> {
    let mut found = Vec::new();
    let since = Instant::now();
    let seen = look!(inspector.deal(deal).await);
    let here = !matches!(seen, DealSeen::NotHere);
    match seen {
        DealSeen::NotHere => {}
        DealSeen::Unreadable(what) => {
            found.push(Suspicion::of(deal, Subject::Unreadable, "fields that can be read", what));
        }
        DealSeen::Loaded(quota) => {
            let truth = store.load_snapshot(deal).await?;
            compare(deal, &quota, truth.as_ref(), behind, &mut found);
        }
    }
    let q1 = report.tally(Rule::Q1);
    q1.looked_at += u64::from(here);
    q1.took += since.elapsed();

    let since = Instant::now();
    let holds = look!(inspector.holds(deal).await);
    let version =
        if holds.holds.is_empty() { None } else { store.progress_of(&[deal]).await?.first().map(Progress::version) };
    judge_holds(deal, &holds, inspector.hold_ttl_ms(), version, &mut found);
    let q2 = report.tally(Rule::Q2);
    q2.looked_at += holds.holds.len() as u64;
    q2.took += since.elapsed();
    Ok(Ok(found))
}

fn compare(
    deal: DealId,
    quota: &QuotaInRedis,
    truth: Option<&LoadSnapshot>,
    behind: Option<(i64, i64)>,
    found: &mut Vec<Suspicion>,
) {
    let known = (quota.epoch, quota.rev.min(quota.applied));
    let Some(truth) = truth else {
        return found.push(Suspicion::of(deal, Subject::Ahead, "nothing of a draft", version(known)));
    };
    let now = truth.progress.version();
    if (quota.epoch, quota.rev.max(quota.applied)) > now {
        let most = (quota.epoch, quota.rev.max(quota.applied));
        found.push(Suspicion::of(deal, Subject::Ahead, format!("at most {}", version(now)), version(most)));
    }
    let floor = behind.unwrap_or(now);
    if known < floor {
        let subject = Subject::Behind(floor.0, floor.1);
        found.push(Suspicion::of(deal, subject, format!("at least {}", version(floor)), version(known)));
    }
    if quota.epoch != now.0 {
        return;
    }
    let (here, there) = (Told::by_redis(quota), Told::by_postgres(truth));
    if quota.rev == now.1 && here != there {
        found.push(Suspicion::of(deal, Subject::Figures, there.to_string(), here.to_string()));
    }
    compare_buyers(deal, quota, truth, found);
}

fn compare_buyers(deal: DealId, quota: &QuotaInRedis, truth: &LoadSnapshot, found: &mut Vec<Suspicion>) {
    let mut unknown = quota.buyers.clone();
    for &(buyer, units, rev) in &truth.buyers {
        let known = unknown.remove(&buyer);
        let agrees = match known {
            Some((known_units, known_rev)) if known_rev == rev => known_units == units,
            Some((_, known_rev)) if known_rev > rev => false,
            // Redis does not claim to know this change, so an older entry or none is correct.
            _ => rev > quota.applied,
        };
        if !agrees {
            let told = |(units, rev)| format!("{units} units of rev {rev}");
            let here = known.map_or("none".to_owned(), told);
            let expected = format!("{} of buyer {buyer}", told((units, rev)));
            found.push(Suspicion::of(deal, Subject::Buyer(buyer), expected, here));
        }
    }
    for (buyer, (units, _)) in unknown {
        let expected = format!("nothing of buyer {buyer}");
        found.push(Suspicion::of(deal, Subject::Buyer(buyer), expected, format!("{units} units")));
    }
}

fn judge_holds(deal: DealId, seen: &HoldsSeen, ttl_ms: i64, at: Option<(i64, i64)>, found: &mut Vec<Suspicion>) {
    let parts = seen.holds.values().fold((0, 0), |(units, new), hold| (units + hold.units, new + hold.new));
    let told = |(units, new)| format!("{units} units and {new} new buyers held");
    if (seen.sum_units, seen.sum_new) != parts {
        found.push(Suspicion::of(deal, Subject::Sums, told(parts), told((seen.sum_units, seen.sum_new))));
    }
    if !seen.keys_end {
        let subject = Subject::Endless(String::new());
        found.push(Suspicion::of(deal, subject, "holds whose keys end", "keys that stay forever"));
    }
    for (signup, hold) in &seen.holds {
        match hold.ends_ms {
            Some(ends_ms) if ends_ms <= seen.now_ms => {}
            Some(ends_ms) if ends_ms <= seen.now_ms + ttl_ms + HOLD_SLACK_MS => {
                let expected = "nothing held while nobody joins".to_owned();
                let held = format!("{} units for signup {signup}", hold.units);
                found.push(Suspicion::of(deal, Subject::Held(signup.clone(), at), expected, held));
            }
            ends_ms => {
                let expected = format!("signup {signup} held for at most {ttl_ms} ms");
                let held = ends_ms.map_or("forever".to_owned(), |ends_ms| format!("for {} ms", ends_ms - seen.now_ms));
                found.push(Suspicion::of(deal, Subject::Endless(signup.clone()), expected, held));
            }
        }
    }
}

/// Q3, forevery key or for those that name this deal.
pub(super) async fn look_at_keys(
    inspector: &mut Inspector,
    store: &Store,
    only: Option<DealId>,
    report: &mut AuditReport,
) -> Looked<Vec<Suspicion>> {
    let since = Instant::now();
    let strays = look!(inspector.strays(only).await);
    let mut found = Vec::new();
    for key in strays.untagged {
        let expected = "a hash tag and a known name after the prefix".to_owned();
        let finding = Finding { deal: None, expected, found: key.clone() };
        found.push(Suspicion { subject: Subject::Key(key), finding });
    }
    // Other applications may use this Redis, too. Only a key that names one of our deals is ours.
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
pub(super) async fn still_there(
    inspector: &mut Inspector,
    store: &Store,
    suspicions: Vec<Suspicion>,
    only: Option<DealId>,
) -> Looked<Vec<Suspicion>> {
    // Rows are counted in the report at the first look only.
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
        now.extend(look!(look(inspector, store, deal, floor, &mut again).await?));
    }
    if suspicions.iter().any(|suspicion| matches!(suspicion.subject, Subject::Key(_))) {
        now.extend(look!(look_at_keys(inspector, store, only, &mut again).await?));
    }
    now.retain(|suspicion| suspicions.iter().any(|first| first.is_the_same(suspicion)));
    Ok(Ok(now))
}

fn version((epoch, rev): (i64, i64)) -> String {
    format!("rev {rev} of epoch {epoch}")
}

/// Everything that admission reads of a deal.
#[derive(PartialEq, Eq)]
struct Told {
    state: DealState,
    buyers: u32,
    units: u32,
    tipping_point: u32,
    cap: Option<u32>,
    opens_ms: i64,
    closes_ms: i64,
}

impl Told {
    const fn by_redis(quota: &QuotaInRedis) -> Self {
        Self {
            state: quota.state,
            buyers: quota.buyer_count,
            units: quota.units,
            tipping_point: quota.tipping_point,
            cap: quota.cap,
            opens_ms: quota.opens_ms,
            closes_ms: quota.closes_ms,
        }
    }

    const fn by_postgres(truth: &LoadSnapshot) -> Self {
        let progress = &truth.progress;
        Self {
            state: progress.state,
            buyers: progress.buyers,
            units: progress.units,
            tipping_point: progress.tipping_point,
            cap: progress.cap,
            opens_ms: truth.opens_at.timestamp_millis(),
            closes_ms: progress.closes_at.timestamp_millis(),
        }
    }
}

impl fmt::Display for Told {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { state, buyers, units, tipping_point, cap, opens_ms, closes_ms } = self;
        let cap = cap.map_or("no cap".to_owned(), |cap| format!("a cap of {cap}"));
        let at = |ms: i64| DateTime::from_timestamp_millis(ms).map_or(ms.to_string(), |at| at.to_rfc3339());
        let window = format!("a window from {} to {}", at(*opens_ms), at(*closes_ms));
        let state = state.as_str();
        write!(to, "{state}, {buyers} buyers, {units} units, a tipping point of {tipping_point}, {cap}, {window}")
    }
}
