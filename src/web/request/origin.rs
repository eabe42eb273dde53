//! Whether a request that changes something comes from a page of this site.
//!
//! Browsers send cookies along whoever asks, so a request that is authenticated by a cookie must also say where it comes from:
//! by `Sec-Fetch-Site`, which no page can forge, or by `Origin`. Requests with a token need no such check, for no browser adds
//! a token by itself.

use actix_web::http::Method;
use actix_web::http::header::{HOST, HeaderMap, HeaderName, ORIGIN};

use crate::config::BaseUrl;

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Whether the request may be what a page of this site, or a program, sent. With a cookie silence is not enough: every browser
/// of today says at least one of the two.
#[must_use]
pub fn is_own(method: &Method, headers: &HeaderMap, base_url: &BaseUrl, has_session: bool) -> bool {
    if method.is_safe() {
        return true;
    }
    let said = |name| headers.get(name).map(|value| value.to_str().unwrap_or_default());
    match (said(SEC_FETCH_SITE), said(ORIGIN)) {
        (Some(site), _) => matches!(site, "same-origin" | "none"),
        (None, Some(origin)) => is_ours(origin, base_url, said(HOST)),
        (None, None) => !has_session,
    }
}

/// Schemes are not compared with the host: behind a proxy that ends TLS the page is https, and this server does not know it.
fn is_ours(origin: &str, base_url: &BaseUrl, host: Option<&str>) -> bool {
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
    fn our_own_pages_may() {
        assert!(own(&Method::POST, &[(SEC_FETCH_SITE, "same-origin")], true));
        assert!(own(&Method::POST, &[(ORIGIN, "https://deals.example.com")], true));
        assert!(own(&Method::POST, &[(ORIGIN, "http://deals.example.com")], true));
    }

    #[test]
    fn a_cookie_without_any_word_about_its_page_is_not_enough() {
        assert!(!own(&Method::POST, &[], true));
        assert!(own(&Method::POST, &[], false));
    }
}
