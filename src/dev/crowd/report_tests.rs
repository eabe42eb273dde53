use chrono::DateTime;
use uuid::Uuid;

use super::*;
use crate::dev::crowd::Tip;

fn figures(state: DealState, buyers: u32) -> Figures {
    Figures {
        epoch: 1,
        rev: 1,
        state,
        buyers,
        needed: 10_u32.saturating_sub(buyers),
        tipping_point: 10,
        units: buyers,
        left: None,
        cap: None,
        closes_at: DateTime::UNIX_EPOCH,
    }
}

fn tip() -> Tip {
    let id = Uuid::nil();
    Tip { number: 10, signup: id.into(), buyer: id.into(), at: Duration::from_hours(3) }
}

/// A replay in which twelve buyers joined, one left, and one leave was refused after the tip.
fn tipped() -> Report {
    let tally = Tally {
        attempted: 13,
        joined: 12,
        joined_units: 12,
        left: 1,
        left_units: 1,
        leaving: 2,
        refused: [("sold_out".to_owned(), 1)].into(),
        leave_refused: [("already_tipped".to_owned(), 1)].into(),
        tips: vec![tip()],
        highest_number: 11,
        ..Tally::default()
    };
    let (before, after) = (figures(DealState::Open, 0), figures(DealState::Tipped, 11));
    Report { tally, before, after, took: Duration::from_secs(1), complete: true }
}

#[test]
fn a_report_agrees_if_the_server_counts_joined_minus_left() {
    assert_eq!(tipped().disagreements(), Vec::<String>::new());
    let shown = tipped().to_string();
    assert!(shown.contains("The deal tipped at buyer 10") && shown.contains("already_tipped 1"), "{shown}");
    assert!(!shown.contains("WRONG"), "{shown}");
}

#[test]
fn a_differing_count_is_reported() {
    let mut report = tipped();
    report.after.buyers = 12;
    assert_eq!(
        report.disagreements(),
        ["The deal's buyers changed by 12 on the server and by 11 according to the answers."]
    );
    let mut report = tipped();
    report.tally.left_units = 0;
    assert_eq!(report.disagreements().len(), 1);
    assert!(report.to_string().contains("WRONG: The deal's units"));
}

#[test]
fn buyers_from_before_the_replay_are_not_counted_twice() {
    let mut report = tipped();
    (report.before.buyers, report.before.units) = (5, 5);
    (report.after.buyers, report.after.units) = (16, 16);
    assert_eq!(report.disagreements(), Vec::<String>::new());
}

#[test]
fn a_deal_that_tipped_twice_or_without_a_signup_at_the_tipping_point_is_reported() {
    let mut twice = tipped();
    twice.tally.tips.push(tip());
    assert_eq!(twice.disagreements(), ["The deal tipped, but 2 signups have the number 10."]);
    let mut without = tipped();
    without.tally.tips.clear();
    assert_eq!(without.disagreements().len(), 1);
}

#[test]
fn a_deal_that_should_have_tipped_is_reported() {
    let mut report = tipped();
    report.after.state = DealState::Open;
    assert_eq!(
        report.disagreements(),
        ["The deal is open, but a signup has the number 11, and the tipping point is 10."]
    );
}
