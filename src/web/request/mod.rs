//! What handlers ask for. A handler sees nothing of a request but what it names in its arguments, and each of these types is
//! either right or answers a problem in the handler's place.
//!
//! Who may call is such a type, too: [`Buyer`], [`Merchant`], [`Operator`], [`Signed`], each with the scope that a limited
//! token must have. Without a scope only whole tokens and sessions pass: deny by default.

mod body;
mod headers;
mod id;
mod query;
mod who;

pub use body::{Body, parse_json};
pub use headers::{IdempotencyHeader, IfMatch, IfNoneMatch, MaybeIdempotencyHeader};
pub use id::{Id, PathId, parse_id};
pub use query::Query;
pub use who::{Buyer, Caller, ComesFrom, MaybeSigned, Merchant, Operator, Signed, needs};

use actix_web::{HttpRequest, web};

use super::error::Code;
use super::problem::Problem;
use crate::App;

/// The node, from any request. It is there whenever the routes were configured with it.
fn app(request: &HttpRequest) -> Result<&web::Data<App>, Problem> {
    request.app_data::<web::Data<App>>().ok_or_else(|| Problem::new(Code::Internal))
}
