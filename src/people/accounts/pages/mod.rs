//! The pages for signing up, and of the account.

pub mod account;
pub mod sign_up;
