//! Tests of the audit: each corrupts one thing and asserts that exactly that is reported.

mod clean;
mod deals;
pub mod fixture;
mod logs;
mod quota;
mod signups;
