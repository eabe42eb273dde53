use super::*;
use proptest::prelude::*;

fn currency(code: &str) -> Currency {
    Currency::parse(code).unwrap()
}

fn code_of(result: Result<Money, FieldProblem>) -> &'static str {
    result.unwrap_err().code()
}

#[test]
fn an_amount_has_the_decimals_of_its_currency() {
    assert_eq!(Money::parse("price", "19", currency("USD")).unwrap().amount().to_string(), "19.00");
    assert_eq!(Money::parse("price", "1900", currency("JPY")).unwrap().amount().to_string(), "1900");
    assert_eq!(Money::parse("price", "1.5", currency("KWD")).unwrap().amount().to_string(), "1.500");
    assert_eq!(Money::parse("price", "19.500", currency("USD")).unwrap().amount().to_string(), "19.50");
}

#[test]
fn an_amount_that_the_currency_cannot_express_is_refused() {
    assert_eq!(code_of(Money::parse("price", "19.005", currency("USD"))), "too_many_decimals");
    assert_eq!(code_of(Money::parse("price", "19.5", currency("JPY"))), "too_many_decimals");
    assert_eq!(code_of(Money::parse("price", "0", currency("USD"))), "out_of_range");
    assert_eq!(code_of(Money::parse("price", "-3", currency("USD"))), "out_of_range");
    assert_eq!(code_of(Money::parse("price", "1000000001", currency("USD"))), "out_of_range");
    for text in ["", "abc", "1e3", "1,5", "NaN", "19.00 USD"] {
        assert_eq!(code_of(Money::parse("price", text, currency("USD"))), "not_a_number", "{text}");
    }
}

#[test]
fn amounts_are_displayed_with_a_symbol_and_digit_groups() {
    assert_eq!(Money::parse("price", "1234567.5", currency("USD")).unwrap().display(), "$1,234,567.50");
    assert_eq!(Money::parse("price", "19", currency("EUR")).unwrap().display(), "€19.00");
    assert_eq!(Money::parse("price", "150000", currency("JPY")).unwrap().display(), "¥150,000");
}

#[test]
fn no_two_currencies_share_a_symbol() {
    let shown = |code, text| Money::parse("price", text, currency(code)).unwrap().display();
    assert_eq!(shown("AUD", "10"), "A$10.00");
    assert_eq!(shown("NOK", "1360"), "NOK 1,360.00");
    assert_eq!(shown("CNY", "5"), "CN¥5.00");
    let codes = (b'A'..=b'Z').flat_map(|a| (b'A'..=b'Z').flat_map(move |b| (b'A'..=b'Z').map(move |c| [a, b, c])));
    let known: Vec<Currency> = codes.filter_map(|code| Currency::parse(std::str::from_utf8(&code).unwrap())).collect();
    let symbols: std::collections::HashSet<String> = known.iter().map(|currency| currency.symbol()).collect();
    assert_eq!(symbols.len(), known.len());
}

#[test]
fn an_unknown_currency_is_not_parsed() {
    assert_eq!(Currency::parse("XYZ"), None);
    assert_eq!(Currency::parse("usd"), Currency::parse("USD"));
}

proptest! {
    #[test]
    fn a_displayed_amount_equals_the_entered_one(cents in 1_u64..100_000_000_000) {
        let text = format!("{}.{:02}", cents / 100, cents % 100);
        let money = Money::parse("price", &text, currency("USD")).unwrap();
        prop_assert_eq!(money.amount().to_string(), text.clone());
        prop_assert_eq!(money.display().replace([',', '$'], ""), text);
    }
}
