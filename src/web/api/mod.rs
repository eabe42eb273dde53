//! The JSON API, one verb per file.

pub mod health;
pub mod internal;
