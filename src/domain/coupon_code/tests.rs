use super::form::CHECK_ALPHABET;
use super::*;
use proptest::prelude::*;

const FORMS: [CouponForm; 2] = CouponForm::ALL;

/// Whether these 17 characters, as positions in the check alphabet, are a valid code of this form.
fn fits(form: CouponForm, characters: [u8; DIGITS + 1]) -> bool {
    let (check, digits) = characters.split_last().unwrap();
    // Only the check character may be one of the five signs that are not digits.
    digits.iter().all(|digit| *digit < 32)
        && CouponCode { digits: digits.try_into().unwrap(), check: *check }.fits(form)
}

fn characters(code: &CouponCode) -> [u8; DIGITS + 1] {
    let all: Vec<u8> = code.digits.iter().copied().chain([code.check]).collect();
    all.try_into().unwrap()
}

/// The number of characters that can be a check character of this form.
fn signs(form: CouponForm) -> u8 {
    if form == CouponForm::Modulo37 { 37 } else { 32 }
}

proptest! {
    #[test]
    fn a_code_is_parsed_however_it_is_typed(bits in any::<[u8; 10]>()) {
        for form in FORMS {
            let code = CouponCode::from_bits(bits, form);
            let shown = code.to_string();
            prop_assert_eq!(shown.len(), 21);
            let typed = [
                shown.clone(),
                shown.to_lowercase(),
                shown.replace('-', ""),
                shown.replace('-', " "),
                shown.replace('-', "\u{a0}"),
                shown.replace('-', "–"),
                shown.replace('-', "\u{2011}"),
                shown.replace('-', " — "),
                shown.replace('-', "\u{200b}"),
                format!("\u{feff}{shown}\r\n"),
                shown.replace('0', "O").replace('1', "l"),
                shown.replace('0', "o").replace('1', "I"),
                format!("https://muster.example/c#{}", code.compact()),
                format!("muster.example/c#{shown} "),
                format!("https://muster.example/c#{}", code.compact().replace('$', "%24").replace('~', "%7e")),
            ];
            for typed in typed {
                prop_assert_eq!(CouponCode::parse(&typed).unwrap(), code.clone(), "{}", typed);
            }
        }
    }

    #[test]
    fn every_single_wrong_character_is_detected(bits in any::<[u8; 10]>()) {
        for form in FORMS {
            let right = characters(&CouponCode::from_bits(bits, form));
            prop_assert!(fits(form, right));
            for place in 0..right.len() {
                for other in (0..signs(form)).filter(|other| *other != right[place]) {
                    let mut wrong = right;
                    wrong[place] = other;
                    prop_assert!(!fits(form, wrong), "{:?} {:?}", form, wrong);
                }
            }
        }
    }

    #[test]
    fn every_swap_of_neighbours_is_detected(bits in any::<[u8; 10]>()) {
        for form in FORMS {
            let right = characters(&CouponCode::from_bits(bits, form));
            for place in 0..right.len() - 1 {
                let mut wrong = right;
                wrong.swap(place, place + 1);
                // Modulo 37 misses a swap of the check character with its neighbour.
                let promised = form == CouponForm::Field32 || place + 2 < right.len();
                prop_assert!(wrong == right || !promised || !fits(form, wrong), "{:?} {:?}", form, wrong);
            }
        }
    }

    #[test]
    fn parsing_any_text_never_panics(text in ".{0,60}") {
        CouponCode::parse(&text).ok();
    }
}

/// An error adds a word to the code, and the check is linear. So the error is detected if and only if the check rejects
/// the word alone, and trying each word once covers every code.
#[test]
fn the_current_form_detects_every_single_wrong_character_and_swap_in_every_code() {
    for place in 0..=DIGITS {
        for difference in 1..32 {
            let mut error = [0; DIGITS + 1];
            error[place] = difference;
            assert!(!fits(CouponForm::CURRENT, error), "a wrong character at {place}");
            if place < DIGITS {
                error[place + 1] = difference;
                assert!(!fits(CouponForm::CURRENT, error), "a swap at {place}");
            }
        }
    }
}

#[test]
fn a_code_of_the_current_form_has_letters_and_digits_only() {
    for n in 0..=u8::MAX {
        let code = CouponCode::from_bits([n; 10], CouponForm::CURRENT).compact();
        assert!(code.len() == 17 && code.bytes().all(|sign| ALPHABET.contains(&sign)), "{code}");
    }
    assert!(CHECK_ALPHABET.starts_with(ALPHABET));
}

#[test]
fn an_invalid_code_is_refused_with_the_reason() {
    for short_or_long in ["", "ABCD", "https://muster.example/c#", "https://muster.example/c", &"0".repeat(18)] {
        assert_eq!(CouponCode::parse(short_or_long), Err(CouponCodeError::WrongLength), "{short_or_long}");
    }
    for strange in ["UUUU-UUUU-UUUU-UUUU-0", "äBCD-ABCD-ABCD-ABCD-0", "0000-0000-0000-0000-!"] {
        assert_eq!(CouponCode::parse(strange), Err(CouponCodeError::WrongCharacter), "{strange}");
    }
    assert_eq!(CouponCode::parse("0000-0000-0000-0000-1"), Err(CouponCodeError::Mistyped));
}

/// Printed coupons depend on these encodings: a change would make them unusable.
#[test]
fn the_encoding_of_each_form_never_changes() {
    let bits = [0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef, 0x42, 0x24];
    assert_eq!(CouponCode::from_bits(bits, CouponForm::Modulo37).to_string(), "04HM-ASW9-NF6Y-YGH4-2");
    assert_eq!(CouponCode::from_bits(bits, CouponForm::Field32).to_string(), "04HM-ASW9-NF6Y-YGH4-8");
}

#[test]
fn every_form_is_found_by_its_number() {
    assert!(FORMS.into_iter().all(|form| CouponForm::from_number(form.number()) == Some(form)));
    assert_eq!(CouponForm::from_number(0), None);
}
