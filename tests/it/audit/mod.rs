//! The audit is tested by breaking what it guards: one thing at a time, and exactly that is reported.

mod clean;
mod deals;
mod logs;
mod quota;
pub mod scene;
mod signups;
