//! The session cookie: reading, setting and removing it.
//!
//! Behind TLS its name begins with `__Host-`: browsers accept such a cookie only over TLS and only from this exact
//! host. Browsers refuse that prefix over plain HTTP, which is for local use, so the name has no prefix over plain
//! HTTP.

use actix_web::HttpRequest;
use actix_web::cookie::time::Duration;
use actix_web::cookie::{Cookie, SameSite};
use chrono::{DateTime, Utc};
use secrecy::{ExposeSecret, SecretString};

use crate::people::Credential;

const fn name(https: bool) -> &'static str {
    if https { "__Host-muster" } else { "muster" }
}

/// The session credential from the request's cookie, if it is well-formed.
#[must_use]
pub fn read(request: &HttpRequest, https: bool) -> Option<Credential> {
    Credential::session(request.cookie(name(https))?.value())
}

/// The cookie of a new session. It expires with the session; the server checks the expiry too.
#[must_use]
pub fn cookie(secret: &SecretString, ends_at: DateTime<Utc>, now: DateTime<Utc>, https: bool) -> Cookie<'static> {
    let kept = Duration::seconds((ends_at - now).num_seconds());
    Cookie::build(name(https), secret.expose_secret().to_owned())
        .path("/")
        .http_only(true)
        .secure(https)
        .same_site(SameSite::Lax)
        .max_age(kept)
        .finish()
}

/// A cookie that makes the browser drop its session cookie.
#[must_use]
pub fn removal(https: bool) -> Cookie<'static> {
    let mut cookie =
        Cookie::build(name(https), "").path("/").http_only(true).secure(https).same_site(SameSite::Lax).finish();
    cookie.make_removal();
    cookie
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    #[test]
    fn behind_tls_the_cookie_is_bound_to_the_host() {
        let now = DateTime::UNIX_EPOCH;
        let cookie = cookie(&"secret".into(), now + TimeDelta::hours(1), now, true).to_string();
        assert_eq!(cookie, "__Host-muster=secret; HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=3600");
    }

    #[test]
    fn over_plain_http_the_cookie_has_no_prefix() {
        let now = DateTime::UNIX_EPOCH;
        let cookie = cookie(&"secret".into(), now + TimeDelta::hours(1), now, false).to_string();
        assert_eq!(cookie, "muster=secret; HttpOnly; SameSite=Lax; Path=/; Max-Age=3600");
    }
}
