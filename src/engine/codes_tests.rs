use super::*;

fn keys() -> CodeKeys {
    CodeKeys::new(vec![(2, [2; 32]), (1, [1; 32])])
}

#[test]
fn a_coupon_always_has_the_same_code_and_another_one_with_another_key() {
    let coupon = CouponId::generate();
    assert_eq!(keys().code(2, coupon), keys().code(2, coupon));
    assert_ne!(keys().code(2, coupon), keys().code(1, coupon));
    assert_ne!(keys().code(2, coupon), keys().code(2, CouponId::generate()));
    assert_eq!(keys().code(3, coupon), Err(NoCodeKey(3)));
}

#[test]
fn a_new_key_does_not_change_how_old_codes_are_found() {
    let coupon = CouponId::generate();
    let old = CodeKeys::new(vec![(1, [1; 32])]);
    let code = old.code(1, coupon).unwrap();
    assert_eq!(old.lookup(&code), keys().lookup(&keys().code(1, coupon).unwrap()));
}
