//! What people and programs talk to over HTTP.

pub mod assets;
pub mod pages;
