use std::time::Duration;

use muster::domain::{CouponCode, CouponForm, CouponState, IdempotencyKey, Till};
use muster::engine::{RedeemOutcome, ShownCoupon};
use muster::store::PageRequest;

use crate::support::outcomes::joined;
use crate::support::{self, Person, TestApp};

/// Ann's coupons for a tipped deal of Mo's.
async fn fixture(units: u32) -> (TestApp, Person, Person, Vec<ShownCoupon>) {
    let app = support::app().start().await;
    let (mo, ann) = (app.merchant("Mo").await, app.buyer("Ann").await);
    let deal = app.deal(&mo).tipping_point(1).publish().await.id;
    joined(app.engine_join(&ann, deal, units, "a").await);
    app.settle_now().await;
    let coupons = app.engine.coupons(ann.id, &PageRequest::first(100)).await.unwrap().items;
    (app, mo, ann, coupons)
}

async fn redeem(app: &TestApp, mo: &Person, till: &str, code: &CouponCode, key: Option<&str>) -> RedeemOutcome {
    let key = key.map(|key| IdempotencyKey::parse(key).unwrap());
    app.engine.redeem(mo.id, &[mo.merchant_id()], &Till::parse(till).unwrap(), code, key.as_ref()).await.unwrap()
}

#[tokio::test]
async fn a_second_redemption_is_told_when_and_where_the_first_was() {
    let (app, mo, ann, coupons) = fixture(2).await;
    let RedeemOutcome::Redeemed { redemption, replayed: false } =
        redeem(&app, &mo, "till 1", &coupons[0].code, None).await
    else {
        panic!("not redeemed")
    };
    assert_eq!((redemption.coupon, redemption.till.as_ref().map(Till::as_str)), (coupons[0].id, Some("till 1")));
    for key in [None, Some("a-key")] {
        let second = redeem(&app, &mo, "till 2", &coupons[0].code, key).await;
        assert_eq!(second, RedeemOutcome::AlreadyRedeemed(redemption.clone()));
    }
    let shown = app.engine.coupon(ann.id, coupons[0].id).await.unwrap().unwrap();
    assert_eq!((shown.state, shown.till.as_ref().map(Till::as_str)), (CouponState::Redeemed, Some("till 1")));
    let other = app.engine.coupon(ann.id, coupons[1].id).await.unwrap().unwrap();
    assert_eq!(other.state, CouponState::Issued, "the other coupon is still valid");
    assert!(matches!(redeem(&app, &mo, "till 1", &coupons[1].code, None).await, RedeemOutcome::Redeemed { .. }));
    app.assert_clean().await;
}

#[tokio::test]
async fn a_retried_redemption_is_replayed_and_another_key_is_refused() {
    let (app, mo, _, coupons) = fixture(1).await;
    let RedeemOutcome::Redeemed { redemption, replayed: false } =
        redeem(&app, &mo, "till", &coupons[0].code, Some("a")).await
    else {
        panic!("not redeemed")
    };
    let again = redeem(&app, &mo, "till", &coupons[0].code, Some("a")).await;
    assert_eq!(again, RedeemOutcome::Redeemed { redemption: redemption.clone(), replayed: true });
    let other = redeem(&app, &mo, "till", &coupons[0].code, Some("b")).await;
    assert_eq!(other, RedeemOutcome::AlreadyRedeemed(redemption));
}

#[tokio::test]
async fn an_expired_coupon_is_refused_and_a_withdrawn_deals_coupon_is_void() {
    let (app, mo, ann, coupons) = fixture(2).await;
    redeem(&app, &mo, "till", &coupons[0].code, Some("a")).await;
    app.clock.advance(Duration::from_hours(91 * 24)).await;
    assert_eq!(redeem(&app, &mo, "till", &coupons[1].code, None).await, RedeemOutcome::Expired);
    let shown = app.engine.coupon(ann.id, coupons[1].id).await.unwrap().unwrap();
    assert_eq!(shown.state, CouponState::Expired);
    let again = redeem(&app, &mo, "till", &coupons[0].code, Some("a")).await;
    assert!(matches!(again, RedeemOutcome::Redeemed { replayed: true, .. }), "a redemption in time stays valid");

    let (app, mo, _, coupons) = fixture(1).await;
    app.engine.withdraw(mo.merchant_id(), coupons[0].deal, "ill").await.unwrap();
    assert_eq!(redeem(&app, &mo, "till", &coupons[0].code, None).await, RedeemOutcome::Void);
}

#[tokio::test]
async fn another_merchants_coupon_is_an_unknown_code() {
    let (app, _, ann, coupons) = fixture(1).await;
    let jo = app.merchant("Jo").await;
    assert_eq!(redeem(&app, &jo, "till", &coupons[0].code, None).await, RedeemOutcome::UnknownCode);
    let shown = app.engine.coupon(ann.id, coupons[0].id).await.unwrap().unwrap();
    assert_eq!(shown.state, CouponState::Issued);
    assert!(app.engine.coupon(jo.id, coupons[0].id).await.unwrap().is_none());
}

#[tokio::test]
async fn after_ten_wrong_codes_a_merchant_waits_until_the_first_is_ten_minutes_old() {
    let (app, mo, _, coupons) = fixture(1).await;
    let jo = app.merchant("Jo").await;
    for n in 0..10 {
        let wrong = CouponCode::from_bits([n; 10], CouponForm::CURRENT);
        assert_eq!(redeem(&app, &mo, "till", &wrong, None).await, RedeemOutcome::UnknownCode);
        app.clock.advance(Duration::from_secs(10)).await;
    }
    let right = &coupons[0].code;
    let RedeemOutcome::TooMany { retry_after_s } = redeem(&app, &mo, "till", right, None).await else {
        panic!("the right code must be limited, too, or a guesser could tell")
    };
    assert!((480..=500).contains(&retry_after_s), "{retry_after_s}");
    assert_eq!(
        redeem(&app, &jo, "till", right, None).await,
        RedeemOutcome::UnknownCode,
        "other merchants are not limited"
    );
    app.clock.advance(Duration::from_secs(u64::from(retry_after_s) + 1)).await;
    assert!(matches!(redeem(&app, &mo, "till", right, None).await, RedeemOutcome::Redeemed { .. }));
}
