//! Tests of the audit: each corrupts one thing and asserts that the audit reports exactly that.

mod clean;
mod deals;
pub mod fixture;
mod logs;
mod quota;
mod signups;
