//! What a form sent, if it was one of our forms.
//!
//! A form of somebody who is signed in carries a token that only a page of theirs can hold. It is made from the session, so
//! nothing is stored, and it changes with each sign-in. That the request comes from a page of this site at all was checked
//! before, by its `Origin`.

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

use crate::App;
use crate::auth::Credential;
use crate::web::error::Code;
use crate::web::extract::Caller;
use crate::web::problem::Problem;

/// Room for the longest description when every character of it is sent as `%xx%xx%xx`.
const FORM_BYTES_MAX: usize = 128 * 1024;

/// What a form sent.
pub struct Typed<T>(pub T);

/// What every form of ours carries.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Carried {
    form_token: String,
}

impl<T: DeserializeOwned + 'static> FromRequest for Typed<T> {
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
            let bytes = read(payload, app.config.server.body_timeout).await?;
            let carried: Carried = serde_urlencoded::from_bytes(&bytes).unwrap_or_default();
            let ours = caller
                .session
                .filter(|_| caller.identity.is_some())
                .is_none_or(|session| form_token(session).as_bytes().ct_eq(carried.form_token.as_bytes()).into());
            if !ours {
                return Err(Problem::new(Code::WrongOrigin));
            }
            serde_urlencoded::from_bytes(&bytes).map(Self).map_err(|_| Problem::new(Code::BadQuery))
        })
    }
}

/// The token of this session's forms.
#[must_use]
pub fn form_token(session: Credential) -> String {
    let digest = Sha256::new().chain_update(b"muster form\0").chain_update(session.hash().as_bytes()).finalize();
    digest.iter().take(16).fold(String::new(), |mut hex, byte| {
        // Writing to a string cannot fail.
        write!(hex, "{byte:02x}").ok();
        hex
    })
}

fn is_form(request: &HttpRequest) -> bool {
    let kind = request.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    kind.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/x-www-form-urlencoded"))
}

async fn read(mut payload: Payload, timeout: Duration) -> Result<BytesMut, Problem> {
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
    tokio::time::timeout(timeout, all).await.map_err(|_| Problem::new(Code::BodyTooSlow))??;
    Ok(bytes)
}
