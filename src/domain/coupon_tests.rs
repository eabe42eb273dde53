use super::*;
use proptest::prelude::*;

proptest! {
    #[test]
    fn a_code_reads_back_however_it_is_typed(bits in any::<[u8; 10]>()) {
        let code = CouponCode::from_bits(bits);
        let shown = code.to_string();
        prop_assert_eq!(shown.len(), 21);
        for typed in [shown.clone(), shown.to_lowercase(), shown.replace('-', ""), shown.replace('-', " "), shown.replace('0', "O").replace('1', "l")] {
            prop_assert_eq!(CouponCode::parse(&typed).unwrap(), code.clone(), "{}", typed);
        }
    }

    #[test]
    fn every_single_wrong_character_is_caught(bits in any::<[u8; 10]>()) {
        let right = CouponCode::from_bits(bits).compact().into_bytes();
        for place in 0..right.len() {
            let alphabet: &[u8] = if place == DIGITS { CHECK_ALPHABET } else { ALPHABET };
            for other in alphabet.iter().filter(|c| **c != right[place]) {
                let mut wrong = right.clone();
                wrong[place] = *other;
                let wrong = String::from_utf8(wrong).unwrap();
                prop_assert_eq!(CouponCode::parse(&wrong), Err(CouponCodeError::Mistyped), "{}", wrong);
            }
        }
    }

    #[test]
    fn every_swap_of_neighbours_is_caught(bits in any::<[u8; 10]>()) {
        let right = CouponCode::from_bits(bits).compact().into_bytes();
        for place in 0..right.len() - 1 {
            let mut wrong = right.clone();
            wrong.swap(place, place + 1);
            if wrong != right {
                let wrong = String::from_utf8(wrong).unwrap();
                prop_assert!(CouponCode::parse(&wrong).is_err(), "{}", wrong);
            }
        }
    }
}

#[test]
fn what_is_not_a_code_is_refused_with_its_reason() {
    assert_eq!(CouponCode::parse(""), Err(CouponCodeError::WrongLength));
    assert_eq!(CouponCode::parse("ABCD"), Err(CouponCodeError::WrongLength));
    assert_eq!(CouponCode::parse("UUUU-UUUU-UUUU-UUUU-0"), Err(CouponCodeError::WrongCharacter));
    assert_eq!(CouponCode::parse("äBCD-ABCD-ABCD-ABC-0"), Err(CouponCodeError::WrongCharacter));
}

#[test]
fn a_withdrawn_deal_voids_and_time_expires_what_is_not_redeemed() {
    let now: DateTime<Utc> = "2026-11-22T08:00:00Z".parse().unwrap();
    let later = now + chrono::TimeDelta::days(1);
    assert_eq!(CouponState::derive(false, DealState::Tipped, later, now), CouponState::Issued);
    assert_eq!(CouponState::derive(false, DealState::Succeeded, now, now), CouponState::Expired);
    assert_eq!(CouponState::derive(false, DealState::Withdrawn, later, now), CouponState::Void);
    assert_eq!(CouponState::derive(true, DealState::Withdrawn, now, now), CouponState::Redeemed);
}
