//! Concurrent requests on two or three nodes with one Redis and one Postgres.
//!
//! The negative controls come first: with both guards off, overselling must appear. If it does not, the other tests in
//! this folder prove nothing.

mod announce;
mod controls;
mod coupons;
mod deadline;
mod last_place;
mod one_key;
mod raise_cap;
mod rush;
mod tip;
mod withdraw;
