//! The JSON API, one operation per file.
//!
//! Every handler has the same shape: the required permission and scope, the request's parts, and the rate limits. One
//! call of the engine or the store follows, and each outcome has a status. The attribute above a handler describes it
//! for OpenAPI.

pub mod coupons;
pub mod deals;
pub mod health;
pub mod internal;
pub mod live;
pub mod openapi;
pub mod redemptions;
pub mod signups;
