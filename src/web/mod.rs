//! What people and programs talk to over HTTP: pages and the API.
//!
//! Owns addresses, answers, headers and everything that guards them. Must never name Redis or Postgres or their clients, decide
//! what a deal allows, or commit anything in a handler: it asks the engine and the store, and says what they answered.
//!
//! The way of a request: [`security`] will put its headers on whatever comes back; [`gate`] checks address, origin and identity;
//! [`routes`] finds the handler; the handler's arguments ([`extract`]) are checked before it runs; what goes wrong is a
//! [`problem::Problem`] with a [`error::Code`].

pub mod address;
mod api;
pub mod assets;
mod content_coding;
pub mod error;
pub mod etag;
pub mod extract;
pub mod gate;
pub mod listen;
mod made_once;
pub mod observe;
pub mod origin;
mod pages;
pub mod problem;
pub mod resource;
pub mod routes;
pub mod security;
pub mod session;
mod words;

pub use api::paging;
pub use api::signups::join::Join as JoinBody;
pub use extract::parse_json;
pub use pages::view::markdown;
