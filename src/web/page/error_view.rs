//! Error pages.

use askama::Template;

use super::layout::Layout;

/// The error page of an HTTP status.
#[derive(Template)]
#[template(path = "error.html")]
pub struct ErrorPage {
    layout: Layout,
    status: u16,
    heading: &'static str,
    advice: &'static str,
    search: bool,
    back: (&'static str, &'static str),
}

impl ErrorPage {
    /// The error page of this HTTP status.
    #[must_use]
    pub fn new(layout: Layout, status: u16) -> Self {
        let home = ("/", "Go to the market");
        let (heading, advice, search, back) = match status {
            404 => (
                "Not on the market",
                "There is nothing at this address. Perhaps you can find what you were looking for.",
                true,
                home,
            ),
            403 => (
                "This is not for you",
                "Your account may not do this. If the page was open for long: go back, reload it, and try again.",
                false,
                ("/account", "Your account"),
            ),
            400 | 413 | 422 => (
                "We did not understand that",
                "The page sent something that we cannot read. Go back and try again.",
                false,
                home,
            ),
            429 => ("That was a lot at once", "Wait a minute, then try again.", false, home),
            503 => (
                "We will be right back",
                "Muster is very busy or being looked after. Nothing of yours is lost: try again in a moment.",
                false,
                ("/", "Try again"),
            ),
            _ => (
                "Something broke",
                "It is our fault, not yours, and it has been noted. Trying again may help.",
                false,
                home,
            ),
        };
        Self { layout, status, heading, advice, search, back }
    }
}
