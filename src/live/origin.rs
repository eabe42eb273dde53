//! Which pages may open a socket.
//!
//! Browsers do not hold live sockets to the same origin by themselves; they only say where the page came from. Programs
//! that are not browsers send no origin, and may connect: the feed is public, it is other sites' pages that must not use
//! their visitors' addresses.

use actix_web::http::header::{HOST, HeaderMap, ORIGIN};

use crate::config::BaseUrl;

/// Whether a request with these headers may open a socket.
pub(super) fn is_allowed(headers: &HeaderMap, allowed: &[BaseUrl]) -> bool {
    let Some(origin) = headers.get(ORIGIN) else { return true };
    let Ok(origin) = origin.to_str() else { return false };
    if allowed.iter().any(|one| one.as_str().eq_ignore_ascii_case(origin)) {
        return true;
    }
    // Schemes are not compared: behind a proxy that ends TLS, the page is https and this server does not know it.
    let page_host = origin.split_once("://").map(|(_scheme, host)| host);
    let asked_host = headers.get(HOST).and_then(|host| host.to_str().ok());
    page_host.zip(asked_host).is_some_and(|(page, asked)| page.eq_ignore_ascii_case(asked))
}
