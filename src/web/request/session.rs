//! The session cookie: how it is named, set, read and taken away.
//!
//! Behind TLS its name begins with `__Host-`, which makes browsers accept it from this very host over TLS only. On plain
//! http, which is for one's own machine, that prefix is refused by browsers, so the name goes without.

use actix_web::HttpRequest;
use actix_web::cookie::time::Duration;
use actix_web::cookie::{Cookie, SameSite};
use chrono::{DateTime, Utc};
use secrecy::{ExposeSecret, SecretString};

use crate::auth::Credential;

const fn name(https: bool) -> &'static str {
    if https { "__Host-muster" } else { "muster" }
}

/// The session that the browser showed, if it has the shape of one.
#[must_use]
pub fn read(request: &HttpRequest, https: bool) -> Option<Credential> {
    Credential::session(request.cookie(name(https))?.value())
}

/// The cookie of a session that just began. It is kept as long as the session may last; the server decides anyway.
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

/// The cookie that takes the session's away.
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
    fn behind_tls_the_cookie_belongs_to_this_very_host() {
        let now = DateTime::UNIX_EPOCH;
        let cookie = cookie(&"secret".into(), now + TimeDelta::hours(1), now, true).to_string();
        assert_eq!(cookie, "__Host-muster=secret; HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=3600");
    }

    #[test]
    fn on_ones_own_machine_it_works_without_tls() {
        let now = DateTime::UNIX_EPOCH;
        let cookie = cookie(&"secret".into(), now + TimeDelta::hours(1), now, false).to_string();
        assert_eq!(cookie, "muster=secret; HttpOnly; SameSite=Lax; Path=/; Max-Age=3600");
    }
}
