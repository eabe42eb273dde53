//! What every request goes through before a handler sees it: is its address within its limits, does it come from a page of
//! this site, who is asking; and, before it asks that in Postgres, whether there is room for what is wanted.
//!
//! It decides nothing about what somebody may do; it only refuses what nobody may do now, and tells the handlers' types
//! ([`super::extract`]) who it is. A session that does not count any more makes its browser nobody; a token that does not count
//! is an error, for its program believes that it does.

use actix_web::body::{EitherBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::StatusCode;
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
    match admit(&request).await {
        Ok(caller) => {
            request.extensions_mut().insert(caller);
            next.call(request).await.map(ServiceResponse::map_into_left_body)
        }
        Err(problem) => {
            let answer = problem.error_response();
            if matches!(answer.status(), StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE) {
                keep_open(&mut request).await;
            }
            Ok(request.into_response(answer).map_into_right_body())
        }
    }
}

/// Reads what was sent, as far as that is allowed: an answer before that would close the connection. Who is to come back, and all
/// the others with them, would have to open new ones, which is the last thing that helps now.
async fn keep_open(request: &mut ServiceRequest) {
    let (request, payload) = request.parts_mut();
    if let Ok(body) = Body::from_request(request, payload).await {
        body.skip().await.ok();
    }
}

async fn admit(service_request: &ServiceRequest) -> Result<Caller, Problem> {
    let request = service_request.request();
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
            Some(session) => who(app, session, request).await?.filter(|identity| identity.proof == Proof::Session),
            None => None,
        };
        return Ok(Caller { address, identity, session });
    };
    let token = token(header.to_str().unwrap_or_default())?;
    let identity = who(app, token, request).await?;
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

/// Who showed this. Who wants to join has a place while Postgres is asked who that is, or is turned away before: in a rush of new
/// faces that question would be what everybody waits for, to hear in the end that there is no room.
async fn who(app: &App, shown: Credential, request: &HttpRequest) -> Result<Option<Identity>, Problem> {
    if let Some(known) = app.auth.cached(shown) {
        return Ok(known);
    }
    let _place = join::keep_place(app, request)?;
    Ok(app.auth.look_up(shown).await?)
}
