//! Sample data for the tests of the views.

use chrono::{DateTime, TimeDelta, Utc};

use crate::domain::{Deal, DealId, DealState, Lifecycle, MerchantId, Progress, Terms, TermsForm};

/// The current time of every test.
pub fn now() -> DateTime<Utc> {
    "2026-11-22T08:00:00Z".parse().unwrap()
}

/// An open deal that closes in two days, with 7 of 10 buyers and 9 of 100 units.
pub fn deal() -> Deal {
    let form = TermsForm {
        merchant: None,
        title: "Coffee for two".into(),
        description: "Two flat whites.".into(),
        price: "19.00".into(),
        face_value: "40.00".into(),
        currency: "USD".into(),
        tipping_point: Some(10),
        cap: Some(100),
        per_buyer_max: Some(2),
        opens_at: Some(now() - TimeDelta::days(1)),
        closes_at: Some(now() + TimeDelta::days(2)),
        time_zone: "Asia/Jakarta".into(),
        coupon_expires_at: Some(now() + TimeDelta::days(90)),
        city: Some("Bandung".into()),
        category: None,
    };
    let terms = Terms::parse(&form, now()).unwrap();
    let id = DealId::generate();
    let progress = Progress {
        deal: id,
        epoch: 1,
        rev: 8,
        state: DealState::Open,
        buyers: 7,
        units: 9,
        tipping_point: terms.tipping_point,
        cap: terms.cap,
        closes_at: terms.closes_at,
    };
    Deal {
        id,
        merchant: MerchantId::generate(),
        merchant_name: "Kopi Senja".into(),
        terms,
        progress,
        picture: None,
        version: 1,
        created_at: now(),
        lifecycle: Lifecycle::Open { published_at: now() },
    }
}
