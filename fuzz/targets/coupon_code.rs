//! Parses a typed coupon code. A parsed code survives a round trip through all of its displayed forms.
#![no_main]

use libfuzzer_sys::fuzz_target;
use muster::domain::CouponCode;

fuzz_target!(|typed: &str| {
    let Ok(code) = CouponCode::parse(typed) else { return };
    for shown in [code.to_string(), code.compact(), code.to_string().to_lowercase()] {
        assert!(CouponCode::parse(&shown).is_ok_and(|again| again == code), "{shown}");
    }
    assert_eq!(code.to_string().replace('-', ""), code.compact());
    assert_eq!(code.compact().len(), 17);
});
