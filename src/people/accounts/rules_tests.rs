use super::*;

#[test]
fn a_password_must_be_long_enough_and_not_common() {
    let code = |text: &str| NewPassword::parse(text.into()).err().map(|p| p.code());
    assert_eq!(code("short"), Some("too_short"));
    assert_eq!(code(&"x".repeat(129)), Some("too_long"));
    assert_eq!(code("Password123"), Some("too_common"));
    assert_eq!(code("correct horse"), None);
    assert_eq!(code("密码密码密码密码"), None);
}
