//! API paths that several modules share.

use crate::domain::{DealId, SignupId};

/// The prefix of every API path.
pub const API: &str = "/api/v1";

/// The path of a deal.
pub fn deal(id: DealId) -> String {
    format!("/api/v1/deals/{id}")
}

/// The path of a signup.
pub fn signup(id: SignupId) -> String {
    format!("/api/v1/signups/{id}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_path_begins_with_the_prefix() {
        assert!(deal(DealId::generate()).starts_with(&format!("{API}/")));
        assert!(signup(SignupId::from(uuid::Uuid::nil())).starts_with(&format!("{API}/")));
    }
}
