//! The JSON API, one verb per file.
//!
//! A handler reads like its call: who may, what is asked, which limit, which verb of the engine, and a status for every outcome.
//! What it looks like from outside stands above each handler, and becomes the API's description.

pub mod accounts;
pub mod coupons;
pub mod deals;
pub mod describe;
pub mod health;
pub mod internal;
pub mod live;
pub mod paging;
pub mod redemptions;
pub mod signups;
pub mod tokens;
