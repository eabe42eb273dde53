//! Merchants' Markdown, rendered to HTML and then sanitised by an allow-list.

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::rc::Rc;
use std::sync::LazyLock;

use ammonia::Builder;
use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

use crate::recent::Recent;

const TAGS: [&str; 14] =
    ["p", "br", "em", "strong", "del", "ul", "ol", "li", "blockquote", "h3", "h4", "a", "code", "hr"];

static SANITISER: LazyLock<Builder<'static>> = LazyLock::new(|| {
    let mut sanitiser = Builder::empty();
    sanitiser
        .tags(HashSet::from(TAGS))
        .tag_attributes(HashMap::from([("a", HashSet::from(["href"]))]))
        // The default allows `title` and `lang`.
        .generic_attributes(HashSet::new())
        .url_schemes(HashSet::from(["https", "http", "mailto", "tel"]))
        .link_rel(Some("nofollow noopener noreferrer ugc"))
        .clean_content_tags(HashSet::from(["script", "style"]));
    sanitiser
});

/// Maximum texts whose HTML a thread caches.
const CACHED_MAX: usize = 64;

thread_local! {
    static CACHE: RefCell<Recent<String, Rc<str>>> = RefCell::new(Recent::new(CACHED_MAX));
}

/// Like [`to_html`], with an LRU cache per thread. Sanitising takes longer than the rest of a page.
#[must_use]
pub fn cached_html(markdown: &str) -> Rc<str> {
    CACHE.with_borrow_mut(|cache| {
        if let Some(html) = cache.get(markdown) {
            return Rc::clone(html);
        }
        let html: Rc<str> = to_html(markdown).into();
        cache.put(markdown.to_owned(), Rc::clone(&html));
        html
    })
}

/// The HTML of a merchant's Markdown. It cannot run scripts, load anything, or restyle the page. Its headings start at
/// `<h3>`, below the headings of the page.
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
    SANITISER.clean(&html).to_string()
}

fn below_the_page(level: pulldown_cmark::HeadingLevel) -> pulldown_cmark::HeadingLevel {
    use pulldown_cmark::HeadingLevel::{H1, H2, H3, H4};
    match level {
        H1 | H2 => H3,
        _ => H4,
    }
}

/// The beginning of the text without markup, cut to about `chars_max` characters, for search engines and link previews.
#[must_use]
pub fn summary(markdown: &str, chars_max: usize) -> String {
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
    if text.chars().count() <= chars_max {
        return text;
    }
    let cut: String = text.chars().take(chars_max).collect();
    let whole_words = cut.rsplit_once(' ').map_or(cut.as_str(), |(before, _)| before);
    format!("{whole_words} …")
}
