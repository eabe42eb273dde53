//! Merchants' texts: Markdown, rendered and then cleaned by an allow-list.

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::rc::Rc;
use std::sync::LazyLock;

use ammonia::Builder;
use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

use crate::recent::Recent;

const TAGS: [&str; 14] =
    ["p", "br", "em", "strong", "del", "ul", "ol", "li", "blockquote", "h3", "h4", "a", "code", "hr"];

static CLEANER: LazyLock<Builder<'static>> = LazyLock::new(|| {
    let mut cleaner = Builder::empty();
    cleaner
        .tags(HashSet::from(TAGS))
        .tag_attributes(HashMap::from([("a", HashSet::from(["href"]))]))
        // `title` and `lang` else, which nobody asked for.
        .generic_attributes(HashSet::new())
        .url_schemes(HashSet::from(["https", "http", "mailto", "tel"]))
        .link_rel(Some("nofollow noopener noreferrer ugc"))
        .clean_content_tags(HashSet::from(["script", "style"]));
    cleaner
});

/// How many texts a thread remembers the HTML of: a text has 10,000 characters at most.
const REMEMBERED_MAX: usize = 64;

thread_local! {
    static RENDERED: RefCell<Recent<String, Rc<str>>> = RefCell::new(Recent::new(REMEMBERED_MAX));
}

/// As [`to_html`], for texts that are shown again and again: cleaning takes longer than all the rest of a page.
#[must_use]
pub fn remembered_html(markdown: &str) -> Rc<str> {
    RENDERED.with_borrow_mut(|rendered| {
        if let Some(html) = rendered.get(markdown) {
            return Rc::clone(html);
        }
        let html: Rc<str> = to_html(markdown).into();
        rendered.put(markdown.to_owned(), Rc::clone(&html));
        html
    })
}

/// HTML of a merchant's Markdown, with nothing in it that could run, load or change the page around it. Its headings
/// begin below the page's own.
#[must_use]
pub fn to_html(markdown: &str) -> String {
    let events = Parser::new_ext(markdown, Options::ENABLE_STRIKETHROUGH).map(|event| match event {
        Event::Start(Tag::Heading { level, id, classes, attrs }) => {
            Event::Start(Tag::Heading { level: below_the_page(level), id, classes, attrs })
        }
        Event::End(TagEnd::Heading(level)) => Event::End(TagEnd::Heading(below_the_page(level))),
        other => other,
    });
    let mut html = String::new();
    pulldown_cmark::html::push_html(&mut html, events);
    CLEANER.clean(&html).to_string()
}

fn below_the_page(level: pulldown_cmark::HeadingLevel) -> pulldown_cmark::HeadingLevel {
    use pulldown_cmark::HeadingLevel::{H1, H2, H3, H4};
    match level {
        H1 | H2 => H3,
        _ => H4,
    }
}

/// The first sentences as plain text, for search engines and shared links.
#[must_use]
pub fn summary(markdown: &str, most: usize) -> String {
    let mut text = String::new();
    for event in Parser::new(markdown) {
        match event {
            Event::Text(part) | Event::Code(part) => text.push_str(&part),
            Event::SoftBreak | Event::HardBreak | Event::End(_) => text.push(' '),
            _ => {}
        }
    }
    let words: Vec<&str> = text.split_whitespace().collect();
    let text = words.join(" ");
    if text.chars().count() <= most {
        return text;
    }
    let cut: String = text.chars().take(most).collect();
    let whole_words = cut.rsplit_once(' ').map_or(cut.as_str(), |(before, _)| before);
    format!("{whole_words} …")
}
