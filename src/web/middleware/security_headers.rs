//! The headers that every answer carries, so that browsers do with it what we mean and nothing else.

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, REFERRER_POLICY,
    STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS,
};
use actix_web::middleware::Next;
use actix_web::{Error, web};

use crate::App;

/// Pages load from this server only, and nothing that stands in the HTML itself runs or styles. `connect-src 'self'` covers
/// the WebSocket. Pictures may be data, for the QR codes of printed coupons.
const PAGE_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
    font-src 'self'; connect-src 'self'; manifest-src 'self'; form-action 'self'; base-uri 'none'; object-src 'none'; \
    frame-ancestors 'none'";
/// What is no page needs nothing at all, should a browser ever show it as one.
const DATA_POLICY: &str = "default-src 'none'; frame-ancestors 'none'";
/// Two years, as the preload lists ask for.
const HSTS: &str = "max-age=63072000; includeSubDomains";

const CROSS_ORIGIN_OPENER_POLICY: HeaderName = HeaderName::from_static("cross-origin-opener-policy");

/// Adds the headers. How long an answer may be kept is the handler's to say; the rest is not.
///
/// # Errors
/// Those of the handlers, which it passes on.
pub async fn headers(
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let https = request.app_data::<web::Data<App>>().is_some_and(|app| app.config.server.base_url.is_https());
    let mut response = next.call(request).await?;
    protect(response.headers_mut(), https);
    Ok(response)
}

fn protect(headers: &mut HeaderMap, https: bool) {
    let is_page = headers.get(CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"text/html"));
    // Whatever is not said to be for everybody is for this reader only.
    if !headers.contains_key(CACHE_CONTROL) {
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    let mut add = |name: HeaderName, value: &'static str| {
        headers.insert(name, HeaderValue::from_static(value));
    };
    add(X_CONTENT_TYPE_OPTIONS, "nosniff");
    if is_page {
        add(CONTENT_SECURITY_POLICY, PAGE_POLICY);
        add(REFERRER_POLICY, "strict-origin-when-cross-origin");
        add(CROSS_ORIGIN_OPENER_POLICY, "same-origin");
    } else {
        add(CONTENT_SECURITY_POLICY, DATA_POLICY);
        add(REFERRER_POLICY, "no-referrer");
    }
    if https {
        add(STRICT_TRANSPORT_SECURITY, HSTS);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn protected(content_type: &'static str, https: bool) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        protect(&mut headers, https);
        headers
    }

    #[test]
    fn no_page_may_run_or_style_what_stands_in_its_html() {
        let headers = protected("text/html; charset=utf-8", false);
        let policy = headers.get(CONTENT_SECURITY_POLICY).unwrap().to_str().unwrap();
        assert!(!policy.contains("unsafe"), "{policy}");
        for part in ["default-src 'none'", "object-src 'none'", "base-uri 'none'", "frame-ancestors 'none'"] {
            assert!(policy.contains(part), "{policy}");
        }
        assert_eq!(headers.get(CROSS_ORIGIN_OPENER_POLICY).unwrap(), "same-origin");
    }

    #[test]
    fn every_answer_says_what_it_is_and_is_kept_by_nobody() {
        let headers = protected("application/json", false);
        assert_eq!(headers.get(X_CONTENT_TYPE_OPTIONS).unwrap(), "nosniff");
        assert_eq!(headers.get(CACHE_CONTROL).unwrap(), "no-store");
        assert!(!headers.contains_key(STRICT_TRANSPORT_SECURITY));
    }

    #[test]
    fn behind_tls_browsers_are_told_to_stay_there() {
        assert!(protected("text/html", true).contains_key(STRICT_TRANSPORT_SECURITY));
    }

    #[test]
    fn a_handler_says_how_long_its_answer_is_kept_and_no_more() {
        let mut headers = HeaderMap::new();
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("public, max-age=60"));
        headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src *"));
        protect(&mut headers, false);
        assert_eq!(headers.get(CACHE_CONTROL).unwrap(), "public, max-age=60");
        assert_eq!(headers.get_all(CONTENT_SECURITY_POLICY).collect::<Vec<_>>(), [DATA_POLICY]);
    }
}
