use super::*;

fn now() -> DateTime<Utc> {
    "2026-11-22T08:00:00Z".parse().unwrap()
}

fn form() -> DealForm {
    DealForm {
        title: "Coffee for two".into(),
        price: "19".into(),
        face_value: "40".into(),
        currency: "USD".into(),
        tipping_point: "10".into(),
        per_buyer_max: "2".into(),
        time_zone: "Europe/Berlin".into(),
        opens_at: "2026-11-23T09:00".into(),
        closes_at: "2026-12-01T18:00".into(),
        coupon_expires_at: "2027-03-28T12:00".into(),
        ..DealForm::default()
    }
}

fn problems(form: &DealForm) -> Vec<(String, &'static str)> {
    let problems = form.parse(now()).unwrap_err();
    problems.iter().map(|problem| (problem.pointer.clone(), problem.code())).collect()
}

#[test]
fn times_are_read_in_the_submitted_time_zone() {
    let terms = form().parse(now()).unwrap();
    assert_eq!(terms.opens_at.to_rfc3339(), "2026-11-23T08:00:00+00:00");
}

#[test]
fn stored_terms_are_shown_as_they_were_submitted() {
    let terms = form().parse(now()).unwrap();
    let again = DealForm::from(&terms);
    assert_eq!(again.opens_at, form().opens_at);
    assert_eq!(again.price, "19.00");
    assert_eq!(again.parse(now()).unwrap(), terms);
}

#[test]
fn a_time_that_the_clocks_skip_is_refused() {
    let skipped = DealForm { coupon_expires_at: "2027-03-28T02:30".into(), ..form() };
    assert!(problems(&skipped).contains(&("/coupon_expires_at".into(), "no_such_time")));
}

#[test]
fn unreadable_fields_are_reported_together_with_all_other_problems() {
    let bad = DealForm {
        title: " ".into(),
        cap: "many".into(),
        opens_at: "soon".into(),
        time_zone: "Mars/Olympus".into(),
        ..form()
    };
    let found = problems(&bad);
    for (pointer, code) in [
        ("/title", "required"),
        ("/cap", "not_a_number"),
        ("/opens_at", "not_a_time"),
        ("/time_zone", "unknown_time_zone"),
    ] {
        assert!(found.contains(&(pointer.into(), code)), "{pointer} {code} is not in {found:?}");
    }
    assert!(!found.iter().any(|(pointer, _)| pointer == "/closes_at"), "a valid field has no problem: {found:?}");
}

#[test]
fn an_unreadable_cap_never_means_unlimited() {
    let bad = DealForm { cap: "1O0".into(), ..form() };
    assert_eq!(problems(&bad), [("/cap".into(), "not_a_number")]);
}
