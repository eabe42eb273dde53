use chrono::DateTime;

use super::*;
use crate::domain::DealState;

fn answered(status: u16) -> Answer {
    Answer { status, ..Answer::default() }
}

fn problem(status: u16, code: &str) -> Answer {
    let body = Body { code: Some(code.to_owned()), ..Body::default() };
    Answer { body, ..answered(status) }
}

fn after(seconds: u64, answer: Answer) -> Reply {
    Reply::Answered(Answer { retry_after: Some(Duration::from_secs(seconds)), ..answer })
}

fn created(replayed: bool) -> Answer {
    let figures = Figures {
        epoch: 1,
        rev: 2,
        state: DealState::Open,
        buyers: 7,
        needed: 3,
        tipping_point: 10,
        units: 9,
        left: None,
        cap: None,
        closes_at: DateTime::UNIX_EPOCH,
    };
    let id = Some(uuid::Uuid::nil().into());
    let body = Body { id, units: Some(2), number: Some(7), progress: Some(figures), code: None };
    Answer { replayed, body, ..answered(201) }
}

fn joined(answer: Answer) -> JoinEnd {
    match after_join(&Reply::Answered(answer), 1) {
        Next::Done(end) => end,
        Next::Again(..) => panic!("the join is retried"),
    }
}

#[test]
fn a_201_is_final_whether_it_is_a_replay_or_not() {
    for replayed in [false, true] {
        let JoinEnd::Joined(receipt) = joined(created(replayed)) else { panic!("not joined") };
        assert_eq!((receipt.units, receipt.number, receipt.replayed), (2, 7, replayed));
    }
}

#[test]
fn busy_limited_held_and_pending_joins_are_retried_after_retry_after() {
    let cases = [
        (problem(503, "busy"), Retry::Busy),
        (problem(503, "unavailable"), Retry::Busy),
        (problem(429, "too_many_requests"), Retry::TooMany),
        (problem(409, "places_held"), Retry::PlacesHeld),
        (answered(202), Retry::Pending),
    ];
    for (answer, why) in cases {
        assert_eq!(after_join(&after(3, answer), 1), Next::Again(Duration::from_secs(3), why));
    }
}

#[test]
fn a_lost_response_is_retried_with_exponential_backoff() {
    let waits = [1, 2, 3, 30].map(|attempt| match after_join(&Reply::Lost("reset".to_owned()), attempt) {
        Next::Again(wait, Retry::Lost) => wait.as_millis(),
        other => panic!("{other:?}"),
    });
    assert_eq!(waits, [100, 200, 400, 5_000]);
}

#[test]
fn a_request_that_timed_out_is_retried() {
    assert_eq!(after_join(&Reply::Answered(answered(408)), 1), Next::Again(Duration::from_millis(100), Retry::Lost));
}

#[test]
fn a_refusal_is_final_and_named_by_its_code() {
    for (status, code) in [(409, "sold_out"), (409, "not_enough_left"), (409, "closed"), (422, "key_reused")] {
        assert_eq!(joined(problem(status, code)), JoinEnd::Refused(code.to_owned()));
    }
}

#[test]
fn an_unexpected_response_is_a_failure() {
    assert_eq!(joined(problem(401, "bad_token")), JoinEnd::Failed("401 bad_token".to_owned()));
    assert_eq!(joined(answered(201)), JoinEnd::Failed("201".to_owned()), "a 201 without a signup is a failure");
    assert_eq!(joined(answered(409)), JoinEnd::Failed("409".to_owned()));
}

#[test]
fn a_server_that_always_fails_is_not_retried_for_ever() {
    let reply = Reply::Answered(problem(500, "internal"));
    assert!(matches!(after_join(&reply, 1), Next::Again(_, Retry::Broken)));
    assert_eq!(after_join(&reply, 5), Next::Done(JoinEnd::Failed("500 internal".to_owned())));
    assert!(matches!(after_join(&Reply::Answered(problem(503, "busy")), 500), Next::Again(_, Retry::Busy)));
}

#[test]
fn leaving_is_final_when_it_happened_or_was_refused() {
    let ended = |answer| after_leave(&Reply::Answered(answer), 1);
    assert_eq!(ended(answered(204)), Next::Done(LeaveEnd::Left));
    assert_eq!(ended(problem(409, "already_tipped")), Next::Done(LeaveEnd::Refused("already_tipped".to_owned())));
    assert_eq!(ended(problem(404, "no_such_signup")), Next::Done(LeaveEnd::Refused("no_such_signup".to_owned())));
    assert_eq!(ended(problem(403, "wrong_role")), Next::Done(LeaveEnd::Failed("403 wrong_role".to_owned())));
}

#[test]
fn leaving_a_pending_signup_is_retried() {
    let wait = Duration::from_secs(1);
    assert_eq!(after_leave(&after(1, problem(409, "pending")), 1), Next::Again(wait, Retry::Pending));
    assert_eq!(after_leave(&after(1, problem(503, "busy")), 1), Next::Again(wait, Retry::Busy));
}
