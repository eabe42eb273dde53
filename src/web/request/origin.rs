//! The cross-site check (CSRF): whether a request that changes something comes from a page of this site.
//!
//! Browsers attach cookies to requests from any site. A request that is authenticated by a cookie must therefore name
//! its origin, by `Sec-Fetch-Site`, which pages cannot forge, or by `Origin`. Requests with a token need no check,
//! because browsers never add a token automatically.

use actix_web::http::Method;
use actix_web::http::header::{HOST, HeaderMap, HeaderName, ORIGIN};

use crate::config::BaseUrl;

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Whether the request can come from a page of this site, or from a program. A request with a session cookie and
/// neither header is rejected: every current browser sends at least one of them.
#[must_use]
pub fn is_own(method: &Method, headers: &HeaderMap, base_url: &BaseUrl, has_session: bool) -> bool {
    if method.is_safe() {
        return true;
    }
    let header = |name| headers.get(name).map(|value| value.to_str().unwrap_or_default());
    match (header(SEC_FETCH_SITE), header(ORIGIN)) {
        (Some(site), _) => matches!(site, "same-origin" | "none"),
        (None, Some(origin)) => is_this_site(origin, base_url, header(HOST)),
        (None, None) => !has_session,
    }
}

/// Whether the origin is the base URL, or has the request's host. The scheme is not compared with the request: behind a
/// proxy that terminates TLS the page is https and the request is not.
fn is_this_site(origin: &str, base_url: &BaseUrl, host: Option<&str>) -> bool {
    let page = origin.split_once("://").map(|(_scheme, page)| page);
    origin.eq_ignore_ascii_case(base_url.as_str())
        || page.zip(host).is_some_and(|(page, host)| page.eq_ignore_ascii_case(host))
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::HeaderValue;

    use super::*;

    fn own(method: &Method, headers: &[(HeaderName, &'static str)], has_session: bool) -> bool {
        let mut map = HeaderMap::new();
        map.insert(HOST, HeaderValue::from_static("deals.example.com"));
        for (name, value) in headers {
            map.insert(name.clone(), HeaderValue::from_static(value));
        }
        is_own(method, &map, &"https://deals.example.com".parse().unwrap(), has_session)
    }

    #[test]
    fn reading_is_always_allowed() {
        assert!(own(&Method::GET, &[(SEC_FETCH_SITE, "cross-site"), (ORIGIN, "https://evil.example")], true));
    }

    #[test]
    fn a_page_of_another_site_may_not_change_anything() {
        assert!(!own(&Method::POST, &[(SEC_FETCH_SITE, "cross-site")], true));
        assert!(!own(&Method::POST, &[(SEC_FETCH_SITE, "same-site")], true));
        assert!(!own(&Method::POST, &[(ORIGIN, "https://evil.example")], true));
        assert!(!own(&Method::POST, &[(ORIGIN, "null")], true));
        assert!(!own(&Method::POST, &[(ORIGIN, "https://evil.example")], false));
        assert!(!own(&Method::POST, &[(ORIGIN, "https://deals.example.com.evil.example")], true));
        assert!(!own(&Method::DELETE, &[(SEC_FETCH_SITE, "cross-site"), (ORIGIN, "https://deals.example.com")], true));
    }

    #[test]
    fn a_page_of_this_site_may_change_things() {
        assert!(own(&Method::POST, &[(SEC_FETCH_SITE, "same-origin")], true));
        assert!(own(&Method::POST, &[(ORIGIN, "https://deals.example.com")], true));
        assert!(own(&Method::POST, &[(ORIGIN, "http://deals.example.com")], true));
    }

    #[test]
    fn a_session_cookie_without_either_header_is_rejected() {
        assert!(!own(&Method::POST, &[], true));
        assert!(own(&Method::POST, &[], false));
    }
}
