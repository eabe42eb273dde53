//! What people and programs talk to over HTTP.

pub mod assets;
mod health;
pub mod pages;
pub mod routes;
