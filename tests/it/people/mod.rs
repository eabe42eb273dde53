//! Accounts, sessions, tokens, merchants and their staff.

mod api;
mod merchants;
mod pages;
