//! HTML forms, protected by a CSRF token.
//!
//! Every form of a signed-in visitor carries a token that only their own pages contain. The token is derived from the
//! session, so nothing is stored, and it changes with every sign-in. The gate has already checked that the request
//! comes from a page of this site.

use std::fmt::Write as _;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use actix_web::dev::Payload;
use actix_web::http::header::CONTENT_TYPE;
use actix_web::{FromRequest, HttpRequest, web};
use bytes::BytesMut;
use futures_util::StreamExt;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::{Caller, ReservedSlot};
use crate::App;
use crate::people::Credential;
use crate::web::problem::{Code, Problem};

/// Room for the longest description with every character percent-encoded as `%xx%xx%xx`.
const FORM_BYTES_MAX: usize = 128 * 1024;

/// The fields of a form whose CSRF token was checked.
pub struct CsrfForm<T>(pub T);

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct TokenField {
    csrf_token: String,
}

impl<T: DeserializeOwned + 'static> FromRequest for CsrfForm<T> {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let request = request.clone();
        let payload = payload.take();
        Box::pin(async move {
            let caller = Caller::extract(&request).await?;
            let app = request.app_data::<web::Data<App>>().ok_or_else(|| Problem::new(Code::Internal))?;
            if !is_form(&request) {
                return Err(Problem::new(Code::WrongContentType));
            }
            let reservation = ReservedSlot::of(&request);
            let bytes = read(payload, app.config.server.body_timeout, &reservation).await?;
            let sent: TokenField = serde_urlencoded::from_bytes(&bytes).unwrap_or_default();
            let is_valid = caller
                .session
                .filter(|_| caller.identity.is_some())
                .is_none_or(|session| csrf_token(session).as_bytes().ct_eq(sent.csrf_token.as_bytes()).into());
            if !is_valid {
                return Err(Problem::new(Code::WrongOrigin));
            }
            serde_urlencoded::from_bytes(&bytes).map(Self).map_err(|_| Problem::new(Code::BadQuery))
        })
    }
}

/// The CSRF token of a session's forms.
#[must_use]
pub fn csrf_token(session: Credential) -> String {
    let digest = Sha256::new().chain_update(b"muster form\0").chain_update(session.hash().as_bytes()).finalize();
    digest.iter().take(16).fold(String::new(), |mut hex, byte| {
        // Writing to a `String` cannot fail.
        write!(hex, "{byte:02x}").ok();
        hex
    })
}

fn is_form(request: &HttpRequest) -> bool {
    let kind = request.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    kind.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/x-www-form-urlencoded"))
}

async fn read(mut payload: Payload, timeout: Duration, reservation: &ReservedSlot) -> Result<BytesMut, Problem> {
    let mut bytes = BytesMut::new();
    let all = async {
        while let Some(chunk) = payload.next().await {
            let chunk = chunk.map_err(|_| Problem::new(Code::BadQuery))?;
            if bytes.len() + chunk.len() > FORM_BYTES_MAX {
                return Err(Problem::new(Code::BodyTooLarge));
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok(())
    };
    reservation.read_within(timeout, all).await.map_err(|_| Problem::new(Code::BodyTooSlow))??;
    Ok(bytes)
}
