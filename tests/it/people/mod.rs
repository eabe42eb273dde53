//! Accounts, sessions, tokens, merchants and their staff.

mod api;
mod lookups;
mod merchants;
mod pages;
