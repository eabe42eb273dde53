use super::*;

fn at(day: u32) -> DateTime<Utc> {
    format!("2026-11-{day:02}T08:00:00Z").parse().unwrap()
}

fn columns(lifecycle: &Lifecycle) -> LifecycleColumns {
    LifecycleColumns {
        published_at: lifecycle.published_at(),
        tipped_at: lifecycle.tipped_at(),
        ended_at: lifecycle.ended_at(),
        withdrawn_reason: lifecycle.withdrawn_reason().map(str::to_owned),
    }
}

/// Lifecycles in every state, created by transitions.
fn all() -> Vec<Lifecycle> {
    let open = Lifecycle::Draft.publish(at(1)).unwrap();
    let tipped = open.clone().tip(at(2)).unwrap();
    vec![
        Lifecycle::Draft,
        Lifecycle::Draft.withdraw(at(3), "ill".into()).unwrap(),
        open.clone().withdraw(at(3), "ill".into()).unwrap(),
        tipped.clone().withdraw(at(3), "ill".into()).unwrap(),
        open.clone().close(at(3)).unwrap(),
        tipped.clone().close(at(3)).unwrap(),
        open,
        tipped,
    ]
}

#[test]
fn every_lifecycle_is_read_from_the_columns_that_store_it() {
    for lifecycle in all() {
        assert_eq!(Lifecycle::read(lifecycle.state(), columns(&lifecycle)), Some(lifecycle));
    }
}

#[test]
fn columns_that_contradict_the_state_are_unreadable() {
    for lifecycle in all() {
        let stored = columns(&lifecycle);
        let possible: Vec<DealState> =
            DealState::ALL.into_iter().filter(|state| Lifecycle::read(*state, stored.clone()).is_some()).collect();
        assert_eq!(possible, [lifecycle.state()], "{lifecycle:?}");
    }
    let tipped_draft = LifecycleColumns {
        tipped_at: Some(at(2)),
        ended_at: Some(at(3)),
        withdrawn_reason: Some("ill".into()),
        ..LifecycleColumns::default()
    };
    assert_eq!(Lifecycle::read(DealState::Withdrawn, tipped_draft), None);
}

#[test]
fn a_transition_that_is_refused_names_the_state_and_the_event() {
    let failed = Lifecycle::Failed { published_at: at(1), ended_at: at(3) };
    let refused = |event| NoSuchTransition { from: DealState::Failed, event };
    assert_eq!(failed.clone().publish(at(4)), Err(refused(DealEvent::Publish)));
    assert_eq!(failed.clone().tip(at(4)), Err(refused(DealEvent::Tip)));
    assert_eq!(failed.clone().close(at(4)), Err(refused(DealEvent::Close)));
    assert_eq!(failed.withdraw(at(4), "ill".into()), Err(refused(DealEvent::Withdraw)));
}

#[test]
fn may_be_published_and_may_be_withdrawn_agree_with_the_transitions() {
    for lifecycle in all() {
        assert_eq!(lifecycle.may_be_published(), lifecycle.clone().publish(at(4)).is_ok());
        assert_eq!(lifecycle.may_be_withdrawn(), lifecycle.clone().withdraw(at(4), "ill".into()).is_ok());
        assert_eq!(lifecycle.may_be_withdrawn(), !lifecycle.state().is_final());
    }
}
