//! L1 to L3: compares what clients saw with Postgres.

use std::collections::HashMap;
use std::time::Instant;

use super::by_deal::Logged;
use super::{Frame, Version};
use crate::domain::{DealId, Figures, Progress, Signup, SignupId};
use crate::engine::audit::AuditError;
use crate::engine::audit::report::{AuditReport, Finding, Rule};
use crate::store::Store;

/// The maximum number of signups looked up in one statement.
const CHUNK: usize = 1_000;

pub(in crate::engine::audit) async fn compare(
    store: &Store,
    logged: &Logged,
    report: &mut AuditReport,
) -> Result<(), AuditError> {
    let since = Instant::now();
    joined(store, logged, report).await?;
    report.tally(Rule::L1).took = since.elapsed();

    let since = Instant::now();
    attempted(store, logged, report).await?;
    report.tally(Rule::L2).took = since.elapsed();

    let since = Instant::now();
    frames(store, logged, report).await?;
    report.tally(Rule::L3).took = since.elapsed();
    Ok(())
}

/// L1: every logged 201 is a signup in Postgres with the same id, deal, units and number.
async fn joined(store: &Store, logged: &Logged, report: &mut AuditReport) -> Result<(), AuditError> {
    let l1 = report.tally(Rule::L1);
    for chunk in logged.joined.chunks(CHUNK) {
        let ids: Vec<(DealId, SignupId)> = chunk.iter().map(|joined| (joined.deal, joined.id)).collect();
        let stored = store.signups_by_id(&ids).await?;
        let stored: HashMap<SignupId, Signup> = stored.into_iter().map(|signup| (signup.id, signup)).collect();
        for answer in chunk {
            l1.looked_at += 1;
            let found = stored.get(&answer.id);
            let matches = |s: &Signup| (s.buyer, s.units, s.number) == (answer.buyer, answer.units, answer.number);
            if !found.is_some_and(matches) {
                let signup = |buyer, units, number| format!("{units} units of buyer {buyer}, number {number}");
                let expected = format!("signup {}: {}", answer.id, signup(answer.buyer, answer.units, answer.number));
                let found = found.map_or("no such signup".to_owned(), |s| signup(s.buyer, s.units, s.number));
                l1.find(Finding { deal: Some(answer.deal), expected, found });
            }
        }
    }
    Ok(())
}

/// L2: every signup in Postgres was attempted by a client.
async fn attempted(store: &Store, logged: &Logged, report: &mut AuditReport) -> Result<(), AuditError> {
    let l2 = report.tally(Rule::L2);
    for (deal, seen) in &logged.deals {
        if seen.attempted.is_empty() {
            continue;
        }
        for signup in store.signup_traces(*deal).await? {
            let theirs =
                seen.from.is_none_or(|from| signup.rev > from.rev) && seen.to.is_none_or(|to| signup.rev <= to.rev);
            l2.looked_at += u64::from(theirs);
            if theirs && !seen.attempted.contains(&signup.id) {
                let expected = format!("an attempt of buyer {} at signup {}", signup.buyer, signup.id);
                l2.find(Finding { deal: Some(*deal), expected, found: "none in the logs".to_owned() });
            }
        }
    }
    Ok(())
}

/// L3: frames stay within the cap, their versions never decrease, and last frames equal Postgres.
async fn frames(store: &Store, logged: &Logged, report: &mut AuditReport) -> Result<(), AuditError> {
    let l3 = report.tally(Rule::L3);
    l3.looked_at += logged.frames;
    for (deal, expected, found) in &logged.wrong_frames {
        l3.find(Finding { deal: Some(*deal), expected: expected.clone(), found: found.clone() });
    }
    for (deal, seen) in &logged.deals {
        if seen.last_frames.is_empty() {
            continue;
        }
        let truth = store.progress_of(&[*deal]).await?.first().copied();
        for frame in &seen.last_frames {
            if let Some((expected, found)) = judge(frame, seen.to, truth.as_ref()) {
                l3.find(Finding { deal: Some(*deal), expected, found });
            }
        }
    }
    Ok(())
}

/// The fault of a socket's last frame, if it has one. Postgres may have newer figures.
fn judge(frame: &Frame, to: Option<Version>, truth: Option<&Progress>) -> Option<(String, String)> {
    let last = || format!("a last frame of {}", frame.version());
    let Some(truth) = truth else { return Some(("no frame of a deal that is not published".to_owned(), last())) };
    let now = Version { epoch: truth.epoch, rev: truth.rev };
    if frame.version() > now {
        return Some((format!("at most {now}"), last()));
    }
    if let Some(to) = to.filter(|to| frame.version() < *to) {
        return Some((format!("at least {to}, which the clients left behind"), last()));
    }
    let figures = Figures::from(truth);
    let describe = |f: &Figures| {
        format!("{}, {} buyers, {} needed, {} units, left {:?}", f.state.as_str(), f.buyers, f.needed, f.units, f.left)
    };
    (frame.version() == now && frame.figures != figures)
        .then(|| (format!("{now}: {}", describe(&figures)), describe(&frame.figures)))
}
