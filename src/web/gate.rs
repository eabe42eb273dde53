//! What every request goes through before a handler sees it: is its address within its limits, does it come from a page of
//! this site, who is asking.
//!
//! It decides nothing about what somebody may do; it only refuses what nobody may do, and tells the handlers' types
//! ([`super::extract`]) who it is. A session that does not count any more makes its browser nobody; a token that does not count
//! is an error, for its program believes that it does.

use actix_web::body::{EitherBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::AUTHORIZATION;
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage, HttpRequest, ResponseError, web};

use super::error::Code;
use super::extract::Caller;
use super::problem::Problem;
use super::{address, origin, session};
use crate::App;
use crate::auth::Credential;
use crate::domain::{Identity, Proof};
use crate::limits::Limit;

/// The longest query.
const QUERY_BYTES_MAX: usize = 4096;

/// Lets a request in, or answers a problem.
///
/// # Errors
/// Those of the handlers, which it passes on.
pub async fn gate<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B>>, Error> {
    match admit(request.request()).await {
        Ok(caller) => {
            request.extensions_mut().insert(caller);
            next.call(request).await.map(ServiceResponse::map_into_left_body)
        }
        Err(problem) => Ok(request.into_response(problem.error_response()).map_into_right_body()),
    }
}

async fn admit(request: &HttpRequest) -> Result<Caller, Problem> {
    let app = request.app_data::<web::Data<App>>().ok_or_else(|| Problem::new(Code::Internal))?;
    let server = &app.config.server;
    let peer = request.peer_addr().map(|peer| peer.ip());
    let address = address::client(peer, request.headers(), &server.trusted_proxies);
    app.limits.take(Limit::Requests(address.into())).await?;
    if request.query_string().len() > QUERY_BYTES_MAX {
        return Err(Problem::new(Code::QueryTooLong));
    }
    let Some(header) = request.headers().get(AUTHORIZATION) else {
        let session = session::read(request, server.base_url.is_https());
        if !origin::is_own(request.method(), request.headers(), &server.base_url, session.is_some()) {
            return Err(Problem::new(Code::WrongOrigin));
        }
        let identity = match session {
            Some(session) => app.auth.who(session).await?.filter(|identity| identity.proof == Proof::Session),
            None => None,
        };
        return Ok(Caller { address, identity, session });
    };
    let identity = token_owner(app, header.to_str().unwrap_or_default()).await?;
    Ok(Caller { address, identity: Some(identity), session: None })
}

async fn token_owner(app: &App, header: &str) -> Result<Identity, Problem> {
    let token = match header.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => Credential::token(token.trim()),
        _ => return Err(Problem::new(Code::BadToken).detail("Send the header Authorization: Bearer TOKEN.")),
    };
    let Some(token) = token else { return Err(Problem::new(Code::BadToken)) };
    let identity = app.auth.who(token).await?;
    identity.filter(|identity| matches!(identity.proof, Proof::Token(_))).ok_or_else(|| Problem::new(Code::BadToken))
}
