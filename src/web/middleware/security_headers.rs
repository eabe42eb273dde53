//! Security headers, on every response.

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, REFERRER_POLICY,
    STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS,
};
use actix_web::middleware::Next;
use actix_web::{Error, web};

use crate::App;

/// The policy of pages: everything comes from this server, and inline scripts and styles are blocked. `connect-src
/// 'self'` covers the WebSocket. Images may be `data:` URLs.
const PAGE_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
    font-src 'self'; connect-src 'self'; manifest-src 'self'; form-action 'self'; base-uri 'none'; object-src 'none'; \
    frame-ancestors 'none'";
/// The policy of everything else: if a browser renders it as a page, it may load nothing.
const DATA_POLICY: &str = "default-src 'none'; frame-ancestors 'none'";
/// Two years, which exceeds the minimum of the browsers' HSTS preload list.
const HSTS: &str = "max-age=63072000; includeSubDomains";

const CROSS_ORIGIN_OPENER_POLICY: HeaderName = HeaderName::from_static("cross-origin-opener-policy");

/// Adds the security headers. A handler can set `Cache-Control` itself; any other security header that it sets is
/// replaced.
///
/// # Errors
/// The errors of the handler.
pub async fn security_headers(
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
    // A response must not be stored unless its handler sets another policy.
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
    fn the_policy_of_pages_blocks_inline_scripts_and_styles() {
        let headers = protected("text/html; charset=utf-8", false);
        let policy = headers.get(CONTENT_SECURITY_POLICY).unwrap().to_str().unwrap();
        assert!(!policy.contains("unsafe"), "{policy}");
        for part in ["default-src 'none'", "object-src 'none'", "base-uri 'none'", "frame-ancestors 'none'"] {
            assert!(policy.contains(part), "{policy}");
        }
        assert_eq!(headers.get(CROSS_ORIGIN_OPENER_POLICY).unwrap(), "same-origin");
    }

    #[test]
    fn a_response_is_not_sniffed_and_not_stored_by_default() {
        let headers = protected("application/json", false);
        assert_eq!(headers.get(X_CONTENT_TYPE_OPTIONS).unwrap(), "nosniff");
        assert_eq!(headers.get(CACHE_CONTROL).unwrap(), "no-store");
        assert!(!headers.contains_key(STRICT_TRANSPORT_SECURITY));
    }

    #[test]
    fn behind_tls_responses_carry_hsts() {
        assert!(protected("text/html", true).contains_key(STRICT_TRANSPORT_SECURITY));
    }

    #[test]
    fn a_handler_can_set_cache_control_but_no_policy() {
        let mut headers = HeaderMap::new();
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("public, max-age=60"));
        headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src *"));
        protect(&mut headers, false);
        assert_eq!(headers.get(CACHE_CONTROL).unwrap(), "public, max-age=60");
        assert_eq!(headers.get_all(CONTENT_SECURITY_POLICY).collect::<Vec<_>>(), [DATA_POLICY]);
    }
}
