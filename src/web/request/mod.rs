//! Extractors: a handler sees only the parts of a request that it names in its arguments.
//!
//! Each extractor yields a parsed value or answers with a problem, in which case the handler does not run.
//! Authorisation works the same way: [`Buyer`], [`Merchant`] and [`SignedIn`] each name the scope that a limited token
//! must have. Without a scope they accept only full tokens and browser sessions, so access is denied by default.

mod body;
mod caller;
pub(super) mod client_address;
pub(super) mod endpoint;
pub(super) mod etag;
mod form;
mod headers;
mod id;
pub(super) mod origin;
mod query;
mod reservation;
pub mod session;

pub use body::{Body, parse_json};
pub use caller::{Buyer, Caller, ClientNetwork, MaybeSignedIn, Merchant, SignedIn, needs};
pub use form::{CsrfForm, csrf_token};
pub use headers::{IdempotencyHeader, IfMatch, IfNoneMatch, MaybeIdempotencyHeader, REPLAYED};
pub use id::{Id, parse_id};
pub use query::Query;
pub use reservation::{GatePass, Reserved, ReservedSlot};

use actix_web::{HttpRequest, web};

use super::problem::{Code, Problem};
use crate::App;

/// The node's state, which `routes.rs` attaches to every request.
fn app(request: &HttpRequest) -> Result<&web::Data<App>, Problem> {
    request.app_data::<web::Data<App>>().ok_or_else(|| Problem::new(Code::Internal))
}
