use super::*;

const OLD: (i16, Key) = (1, [1; 32]);
const NEW: (i16, Key) = (2, [2; 32]);

fn keys(coupon: &[(i16, Key)], lookup: &[Key]) -> CodeKeys {
    CodeKeys::new(coupon.to_vec(), lookup.to_vec())
}

#[test]
fn a_code_depends_only_on_the_coupon_and_the_key() {
    let (keys, coupon, form) = (keys(&[NEW, OLD], &[]), CouponId::generate(), CouponForm::CURRENT);
    assert_eq!(keys.code(2, form, coupon), keys.code(2, form, coupon));
    assert_ne!(keys.code(2, form, coupon), keys.code(1, form, coupon));
    assert_ne!(keys.code(2, form, coupon), keys.code(2, form, CouponId::generate()));
    assert_eq!(keys.code(3, form, coupon), Err(NoCodeKey(3)));
    assert_eq!(keys.issue(coupon).map(|(code, _)| code), keys.code(2, form, coupon));
}

#[test]
fn a_new_coupon_stays_known_while_its_lookup_key_is_configured() {
    let (first, second) = ([7; 32], [8; 32]);
    let (code, lookup) = keys(&[OLD], &[first]).issue(CouponId::generate()).unwrap();
    let knows = |keys: CodeKeys| keys.lookups(&code).contains(&lookup);
    assert!(knows(keys(&[OLD], &[second, first])), "the coupon is found after a rotation of the lookup key");
    assert!(knows(keys(&[NEW, OLD], &[first])), "the coupon is found after a rotation of the coupon key");
    assert!(knows(keys(&[NEW], &[first])), "the coupon is found without its coupon key");
    assert!(!knows(keys(&[OLD], &[second])));
}

#[test]
fn a_coupon_without_a_lookup_key_stays_known_while_its_lowest_coupon_key_remains() {
    let (code, lookup) = keys(&[NEW, OLD], &[]).issue(CouponId::generate()).unwrap();
    let knows = |keys: CodeKeys| keys.lookups(&code).contains(&lookup);
    assert!(knows(keys(&[OLD], &[])));
    assert!(knows(keys(&[OLD, (0, [9; 32])], &[])), "the coupon is found after a key with a lower id was added");
    assert!(knows(keys(&[NEW, OLD], &[[7; 32]])), "the coupon is found after a lookup key was configured");
    assert!(!knows(keys(&[NEW], &[])));
}

/// Databases store hashes of form 1, so their derivation must not change.
#[test]
fn a_coupon_of_form_1_is_found_by_all_17_characters_under_the_lowest_coupon_key() {
    let code = keys(&[OLD], &[]).code(1, CouponForm::Modulo37, CouponId::generate()).unwrap();
    let stored = keyed(&keyed(&OLD.1, &[b"coupon look-up"]), &[code.compact().as_bytes()]);
    assert!(keys(&[NEW, OLD], &[]).lookups(&code).contains(&stored));
    assert!(keys(&[OLD], &[[7; 32]]).lookups(&code).contains(&stored));
}

#[test]
fn a_code_is_looked_up_in_the_forms_that_its_check_character_fits() {
    let keys = keys(&[NEW, OLD], &[[7; 32], [8; 32]]);
    // The check character of all zeros is a zero in both forms.
    let both = CouponCode::from_bits([0; 10], CouponForm::CURRENT);
    assert_eq!(keys.lookups(&both).len(), 2 + 2 + 2);
    let one = CouponCode::from_bits([1; 10], CouponForm::Modulo37);
    assert!(!one.fits(CouponForm::CURRENT));
    assert_eq!(keys.lookups(&one).len(), 2);
}

#[test]
fn without_a_key_no_code_is_issued() {
    assert_eq!(keys(&[], &[]).issue(CouponId::generate()), Err(NoCodeKey(0)));
}
