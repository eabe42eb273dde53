use super::*;

fn key(text: &str) -> IdempotencyKey {
    IdempotencyKey::parse(text).unwrap()
}

#[test]
fn the_same_request_always_has_the_same_signup_id() {
    let (deal, buyer) = (DealId::generate(), AccountId::generate());
    assert_eq!(SignupId::derive(deal, buyer, &key("k")), SignupId::derive(deal, buyer, &key("k")));
}

#[test]
fn another_deal_buyer_or_key_has_another_signup_id() {
    let (deal, buyer) = (DealId::generate(), AccountId::generate());
    let id = SignupId::derive(deal, buyer, &key("k"));
    assert_ne!(id, SignupId::derive(DealId::generate(), buyer, &key("k")));
    assert_ne!(id, SignupId::derive(deal, AccountId::generate(), &key("k")));
    assert_ne!(id, SignupId::derive(deal, buyer, &key("l")));
    assert_eq!(id.as_uuid().get_version_num(), 8);
}

#[test]
fn each_ordinal_has_its_own_coupon_id() {
    let signup = SignupId::generate();
    assert_ne!(CouponId::derive(signup, 1), CouponId::derive(signup, 2));
    assert_eq!(CouponId::derive(signup, 1), CouponId::derive(signup, 1));
}
