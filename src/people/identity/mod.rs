//! Identities: who a token or a session belongs to, and what it may do.

mod cache;
mod lookups;
mod rules;
mod secret;
pub(super) mod store;

pub(super) use cache::Cache;
pub(super) use lookups::{LookupError, Lookups};
pub use rules::{Identity, Proof, Scope, Scopes, SecretHash};
pub use secret::{Credential, FreshSecret};
