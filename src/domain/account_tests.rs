use super::*;

#[test]
fn an_address_is_lower_case_and_has_a_domain() {
    assert_eq!(Email::parse(" Ann@Example.com ").unwrap().as_str(), "ann@example.com");
    for text in
        ["", "ann", "@example.com", "ann@", "ann@localhost", "ann@@example.com", "a b@example.com", "ann@example..com"]
    {
        assert!(Email::parse(text).is_err(), "{text}");
    }
    assert!(Email::parse(&format!("{}@example.com", "a".repeat(250))).is_err());
}

#[test]
fn debug_output_hides_most_of_an_address() {
    assert_eq!(format!("{:?}", Email::parse("ann@example.com").unwrap()), "a…@example.com");
}

#[test]
fn a_password_must_be_long_enough_and_not_common() {
    let code = |text: &str| NewPassword::parse(text.into()).err().map(|p| p.code());
    assert_eq!(code("short"), Some("too_short"));
    assert_eq!(code(&"x".repeat(129)), Some("too_long"));
    assert_eq!(code("Password123"), Some("too_common"));
    assert_eq!(code("correct horse"), None);
    assert_eq!(code("密码密码密码密码"), None);
}
