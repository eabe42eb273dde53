use std::io::Write;

use super::*;
use crate::domain::{DealState, Figures};

fn figures(rev: i64) -> Figures {
    Figures {
        epoch: 1,
        rev,
        state: DealState::Open,
        buyers: 2,
        needed: 1,
        tipping_point: 3,
        units: 3,
        left: None,
        cap: None,
        closes_at: Clock::new().now(),
    }
}

fn lines(path: &Path) -> Vec<Line> {
    read(path).unwrap().map(|line| line.unwrap().line).collect()
}

#[test]
fn written_lines_are_read_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("client.log");
    let (deal, buyer, signup) = (DealId::generate(), AccountId::generate(), SignupId::from(uuid::Uuid::now_v7()));
    let log = ClientLog::create(&path, Clock::new()).unwrap();
    let version = |rev| Version { epoch: 1, rev };
    log.begins(deal, version(7)).unwrap();
    let join = log.joins(deal, buyer, &IdempotencyKey::parse("k1").unwrap(), 2).unwrap();
    let joined = Reply { status: Some(201), id: Some(signup), units: Some(2), number: Some(17), ..Reply::default() };
    log.answered(join, joined.clone()).unwrap();
    let leave = log.leaves(deal, buyer, signup).unwrap();
    let lost = Reply { error: Some("connection reset".to_owned()), ..Reply::default() };
    log.answered(leave, lost.clone()).unwrap();
    let frame = Frame { deal, figures: figures(8) };
    let socket = log.new_socket();
    let mut text = serde_json::to_value(frame).unwrap();
    text["type"] = "progress".into();
    text["server_time"] = "2026-11-22T08:00:00.123Z".into();
    log.frame(socket, &text.to_string()).unwrap();
    log.closed(socket).unwrap();
    log.ends(deal, version(8)).unwrap();

    let expected = [
        Line::Mark(Mark { deal, from: Some(version(7)), to: None }),
        Line::Call { n: 1, call: Call::Join { deal, buyer, key: "k1".to_owned(), units: 2 } },
        Line::Reply { n: 1, reply: joined },
        Line::Call { n: 2, call: Call::Leave { deal, buyer, signup } },
        Line::Reply { n: 2, reply: lost },
        Line::Frame { socket: 1, frame },
        Line::Closed { socket: 1, closed: true },
        Line::Mark(Mark { deal, from: None, to: Some(version(8)) }),
    ];
    assert_eq!(lines(&path), expected);
}

#[test]
fn an_incomplete_last_line_is_ignored_and_any_other_bad_line_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("client.log");
    let good = r#"{"at":"2026-11-22T08:00:00Z","n":1,"status":503}"#;
    let mut file = File::create(&path).unwrap();
    write!(file, "{good}\n{{\"at\":\"2026-").unwrap();
    assert_eq!(lines(&path).len(), 1);

    for bad in ["", r#"{"at":"2026-11-22T08:00:00Z","call":"join","n":1}"#, r#"{"at":"2026-11-22T08:00:00Z","who":1}"#]
    {
        std::fs::write(&path, format!("{good}\n{bad}\n")).unwrap();
        let error = read(&path).unwrap().nth(1).unwrap().unwrap_err();
        assert!(error.to_string().contains("client.log, line 2:"), "{error}");
    }
}
