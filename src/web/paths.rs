//! URL prefixes that several modules share.

/// The prefix of every API path.
pub const API: &str = "/api/v1";
