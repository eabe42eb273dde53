//! Renders a merchant's Markdown. Whatever the input, the HTML has only allowed tags and links with allowed schemes.
#![no_main]

use libfuzzer_sys::fuzz_target;
use muster::web::markdown;

const TAGS: [&str; 14] =
    ["p", "br", "em", "strong", "del", "ul", "ol", "li", "blockquote", "h3", "h4", "a", "code", "hr"];
const SCHEMES: [&str; 4] = ["https", "http", "mailto", "tel"];
const REL: &str = "nofollow noopener noreferrer ugc";

fuzz_target!(|text: &str| {
    let html = markdown::to_html(text);
    only_allowed(&html);
    let summary = markdown::summary(text, 100);
    assert!(summary.chars().count() <= 102, "{summary}");
});

/// Asserts that every `<` begins an allowed tag without attributes, or a link with allowed attributes.
fn only_allowed(html: &str) {
    let mut rest = html;
    while let Some((_, after)) = rest.split_once('<') {
        let after = after.strip_prefix('/').unwrap_or(after);
        let end = after.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(after.len());
        let (name, mut attributes) = after.split_at(end);
        assert!(TAGS.contains(&name), "<{name} in {html}");
        while let Some(attribute) = attributes.strip_prefix(' ') {
            let (key, value) = attribute.split_once("=\"").unwrap_or_else(|| panic!("{html}"));
            let (value, after) = value.split_once('"').unwrap_or_else(|| panic!("{html}"));
            match (name, key) {
                ("a", "href") => is_harmless(value),
                ("a", "rel") => assert_eq!(value, REL),
                _ => panic!("{key} of {name} in {html}"),
            }
            attributes = after;
        }
        rest = attributes.strip_prefix('>').unwrap_or_else(|| panic!("{attributes} in {html}"));
    }
}

/// Asserts that a link has an allowed scheme, if any. Like the basic URL parser of the URL Standard, this ignores leading
/// control characters and spaces, and tabs and newlines anywhere.
fn is_harmless(address: &str) {
    let from_first = address.trim_start_matches(|c: char| c <= ' ');
    let read: String = from_first.chars().filter(|c| !matches!(c, '\t' | '\n' | '\r')).collect();
    let before_path = read.split(['/', '?', '#']).next().unwrap_or_default();
    // A link without a valid scheme is relative to the page.
    if let Some((scheme, _)) = before_path.split_once(':').filter(|(scheme, _)| is_scheme(scheme)) {
        assert!(SCHEMES.contains(&scheme.to_ascii_lowercase().as_str()), "{address}");
    }
}

/// The syntax of a scheme: a letter, then letters, digits, `+`, `-` and `.`.
fn is_scheme(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'))
}
