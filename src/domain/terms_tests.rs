use super::*;

fn now() -> DateTime<Utc> {
    "2026-11-22T08:00:00Z".parse().unwrap()
}

fn good() -> TermsForm {
    TermsForm {
        merchant: None,
        title: "Pottery for two".into(),
        description: "An evening at the wheel.".into(),
        price: "19.00".into(),
        face_value: "45.00".into(),
        currency: "USD".into(),
        tipping_point: Some(10),
        cap: Some(80),
        per_buyer_max: Some(4),
        opens_at: Some(now()),
        closes_at: Some(now() + TimeDelta::days(3)),
        time_zone: "Asia/Jakarta".into(),
        coupon_expires_at: Some(now() + TimeDelta::days(90)),
        city: Some("Jakarta".into()),
        category: None,
    }
}

fn problems(change: impl FnOnce(&mut TermsForm)) -> Vec<(String, &'static str)> {
    let mut form = good();
    change(&mut form);
    Terms::parse(&form, now())
        .unwrap_err()
        .into_iter()
        .map(|p| {
            let code = p.code();
            (p.pointer, code)
        })
        .collect()
}

#[test]
fn valid_terms_are_accepted() {
    let terms = Terms::parse(&good(), now()).unwrap();
    assert_eq!(terms.saving_percent(), 57);
    assert_eq!(terms.cap, Some(80));
    assert_eq!(terms.time_zone, Tz::Asia__Jakarta);
}

#[test]
fn a_deal_without_a_cap_is_unlimited() {
    let form = TermsForm { cap: None, ..good() };
    assert_eq!(Terms::parse(&form, now()).unwrap().cap, None);
}

#[test]
fn every_problem_of_an_empty_form_is_reported() {
    let found = Terms::parse(&TermsForm::default(), now()).unwrap_err();
    let pointers: Vec<_> = found.iter().map(|p| p.pointer.as_str()).collect();
    assert_eq!(
        pointers,
        [
            "/title",
            "/currency",
            "/tipping_point",
            "/per_buyer_max",
            "/opens_at",
            "/closes_at",
            "/coupon_expires_at",
            "/time_zone"
        ]
    );
}

#[test]
fn rules_across_fields_are_checked() {
    assert_eq!(problems(|f| f.tipping_point = Some(81)), [("/cap".into(), "below_tipping_point")]);
    assert_eq!(problems(|f| f.per_buyer_max = Some(81)), [("/per_buyer_max".into(), "above_cap")]);
    assert_eq!(problems(|f| f.price = "45.00".into()), [("/price".into(), "not_below_face_value")]);
    assert_eq!(
        problems(|f| f.closes_at = f.opens_at),
        [("/closes_at".into(), "not_after_opening"), ("/closes_at".into(), "in_the_past")]
    );
    assert_eq!(problems(|f| f.coupon_expires_at = f.closes_at), [("/coupon_expires_at".into(), "not_after_closing")]);
    assert_eq!(problems(|f| f.cap = Some(0)), [("/cap".into(), "out_of_range")]);
    assert_eq!(problems(|f| f.title = "x".repeat(121)), [("/title".into(), "too_long")]);
    assert_eq!(problems(|f| f.time_zone = "Mars/Olympus".into()), [("/time_zone".into(), "unknown_time_zone")]);
}
