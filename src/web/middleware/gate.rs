//! The checks that every page and API request passes before routing: rate limit, query length, origin, identity.
//!
//! The gate authenticates; it does not authorise. It leaves a [`GatePass`] in the request, from which the extractors of
//! [`crate::web::request`] decide what the caller may do. For a request to join, the gate also reserves a slot in the
//! deal's lane.
//!
//! A browser whose session has ended becomes anonymous. A request with an invalid token is refused, because its sender
//! believes that the token works.

use actix_web::body::{EitherBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::StatusCode;
use actix_web::http::header::AUTHORIZATION;
use actix_web::middleware::Next;
use actix_web::{Error, FromRequest, HttpMessage, HttpRequest, ResponseError, web};

use crate::App;
use crate::limits::Limit;
use crate::people::Credential;
use crate::people::{Identity, Proof};
use crate::web::paths;
use crate::web::problem::{Code, Problem};
use crate::web::request::{Body, Caller, GatePass, Reserved, client_address, origin, session};

/// Maximum length of a query string.
const QUERY_BYTES_MAX: usize = 4096;

/// Passes the request on with its [`GatePass`], or answers with a problem.
///
/// # Errors
/// The errors of the handler.
pub async fn gate<B: MessageBody + 'static>(
    mut request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B>>, Error> {
    match admit(&request).await {
        Ok(pass) => {
            request.extensions_mut().insert(pass);
            next.call(request).await.map(ServiceResponse::map_into_left_body)
        }
        Err(problem) => {
            let response = problem.error_response();
            if matches!(response.status(), StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE) {
                drain_body(&mut request).await;
            }
            Ok(request.into_response(response).map_into_right_body())
        }
    }
}

/// Reads and discards the request's body, up to the size limit.
///
/// actix closes a connection whose request body was not read. All clients that retry would have to reconnect, which
/// adds load while the node sheds load.
async fn drain_body(request: &mut ServiceRequest) {
    let (request, payload) = request.parts_mut();
    if let Ok(body) = Body::from_request(request, payload).await {
        body.skip().await.ok();
    }
}

async fn admit(service_request: &ServiceRequest) -> Result<GatePass, Problem> {
    let request = service_request.request();
    let app = request.app_data::<web::Data<App>>().ok_or_else(|| Problem::new(Code::Internal))?;
    let server = &app.config.server;
    let peer = request.peer_addr().map(|peer| peer.ip());
    let address = client_address::resolve(peer, request.headers(), &server.trusted_proxies);
    app.limits.take(Limit::Requests(address.into())).await?;
    if request.query_string().len() > QUERY_BYTES_MAX {
        return Err(Problem::new(Code::QueryTooLong));
    }
    let Some(header) = request.headers().get(AUTHORIZATION) else {
        let session = session::read(request, server.base_url.is_https());
        if !origin::is_own(request.method(), request.headers(), &server.base_url, session.is_some()) {
            return Err(Problem::new(Code::WrongOrigin));
        }
        let (identity, reservation) = match session {
            Some(session) => identify(app, session, request).await?,
            None => (None, None),
        };
        let identity = identity.filter(|identity| identity.proof == Proof::Session);
        return Ok(GatePass { caller: Caller { address, identity, session }, reservation });
    };
    let token = token(header.to_str().unwrap_or_default())?;
    let (identity, reservation) = identify(app, token, request).await?;
    let identity = identity.filter(|identity| matches!(identity.proof, Proof::Token(_)));
    let identity = Some(identity.ok_or_else(|| Problem::new(Code::BadToken))?);
    Ok(GatePass { caller: Caller { address, identity, session: None }, reservation })
}

fn token(header: &str) -> Result<Credential, Problem> {
    let token = match header.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => Credential::token(token.trim()),
        _ => return Err(Problem::new(Code::BadToken).detail("Send the header Authorization: Bearer TOKEN.")),
    };
    token.ok_or_else(|| Problem::new(Code::BadToken))
}

/// Identifies the owner of a credential, from the cache or else from Postgres.
///
/// A join reserves its slot first, so a rush of unknown tokens cannot flood Postgres. If the queue is full, an unknown
/// caller is refused in the gate. A known caller is passed on with the refusal: the handler reads the body and then
/// answers.
async fn identify(
    app: &App,
    credential: Credential,
    request: &HttpRequest,
) -> Result<(Option<Identity>, Reserved), Problem> {
    let deal = paths::deal_to_join(request.method(), request.path());
    if let Some(known) = app.auth.cached(credential) {
        let reservation = deal.zip(known.as_ref()).map(|(deal, caller)| app.engine.reserve(deal, Some(caller.account)));
        return Ok((known, reservation));
    }
    let reservation = deal.map(|deal| app.engine.reserve(deal, None)).transpose()?;
    Ok((app.auth.look_up(credential).await?, reservation.map(Ok)))
}
