//! Checks the `Origin` header: which web pages may open a socket.
//!
//! Browsers do not apply the same-origin policy to WebSockets; they only send the page's origin. Programs other than
//! browsers send none and may connect, because the feed is public. The check stops other sites from opening sockets
//! with their visitors' addresses.

use actix_web::http::header::{HOST, HeaderMap, ORIGIN};

use crate::config::BaseUrl;

/// Whether a request with these headers may open a socket.
pub(super) fn is_allowed(headers: &HeaderMap, allowed: &[BaseUrl]) -> bool {
    let Some(origin) = headers.get(ORIGIN) else { return true };
    let Ok(origin) = origin.to_str() else { return false };
    if allowed.iter().any(|candidate| candidate.as_str().eq_ignore_ascii_case(origin)) {
        return true;
    }
    // Schemes are not compared: behind a proxy that terminates TLS, the page is https but this server sees http.
    let page_host = origin.split_once("://").map(|(_scheme, host)| host);
    let request_host = headers.get(HOST).and_then(|host| host.to_str().ok());
    page_host.zip(request_host).is_some_and(|(page, request)| page.eq_ignore_ascii_case(request))
}
