//! What every request goes through before a handler sees it: is its address within its limits, does it come from a page of
//! this site, who is asking; and, before it asks that in Postgres, whether there is room for what is wanted.
//!
//! It decides nothing about what somebody may do; it only refuses what nobody may do now, and tells the handlers' types
//! ([`super::extract`]) who it is. A session that does not count any more makes its browser nobody; a token that does not count
//! is an error, for its program believes that it does.

use actix_web::body::{EitherBody, MessageBody};
use actix_web::dev::{Payload, ServiceRequest, ServiceResponse};
use actix_web::http::header::AUTHORIZATION;
use actix_web::middleware::Next;
use actix_web::{Error, FromRequest, HttpMessage, HttpRequest, ResponseError, web};

use super::api::signups::join;
use super::error::Code;
use super::extract::{Body, Caller};
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
    mut request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B>>, Error> {
    match admit(&mut request).await {
        Ok(caller) => {
            request.extensions_mut().insert(caller);
            next.call(request).await.map(ServiceResponse::map_into_left_body)
        }
        Err(problem) => Ok(request.into_response(problem.error_response()).map_into_right_body()),
    }
}

async fn admit(service_request: &mut ServiceRequest) -> Result<Caller, Problem> {
    let (request, payload) = service_request.parts_mut();
    let request = &*request;
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
            Some(session) => {
                who(app, session, request, payload).await?.filter(|identity| identity.proof == Proof::Session)
            }
            None => None,
        };
        return Ok(Caller { address, identity, session });
    };
    let token = token(header.to_str().unwrap_or_default())?;
    let identity = who(app, token, request, payload).await?;
    let identity = identity.filter(|identity| matches!(identity.proof, Proof::Token(_)));
    Ok(Caller { address, identity: Some(identity.ok_or_else(|| Problem::new(Code::BadToken))?), session: None })
}

fn token(header: &str) -> Result<Credential, Problem> {
    let token = match header.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => Credential::token(token.trim()),
        _ => return Err(Problem::new(Code::BadToken).detail("Send the header Authorization: Bearer TOKEN.")),
    };
    token.ok_or_else(|| Problem::new(Code::BadToken))
}

/// Who showed this. Who wants to join while there is no room is turned away before Postgres is asked who that is: in a rush of
/// new faces that question would be what everybody waits for.
async fn who(
    app: &App,
    shown: Credential,
    request: &HttpRequest,
    payload: &mut Payload,
) -> Result<Option<Identity>, Problem> {
    if let Some(known) = app.auth.seen(shown) {
        return Ok(known);
    }
    if let Some(busy) = join::turn_away(app, request) {
        Body::from_request(request, payload).await?.skip().await?;
        return Err(busy);
    }
    Ok(app.auth.look_up(shown).await?)
}
