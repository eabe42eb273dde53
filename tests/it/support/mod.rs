//! Support for all tests: real servers, nodes with a database of their own, people and deals.
//!
//! ```ignore
//! let app = support::app().start().await;
//! let merchant = app.merchant("Mo").await;
//! let deal = app.deal(&merchant).tipping_point(1).publish().await;
//! let ann = app.buyer("Ann").await;
//! ann.post_join(deal.id, 1, "key").await; // over HTTP
//! app.engine_join(&ann, deal.id, 1, "key").await; // without HTTP
//! app.settle_now().await;
//! app.clock.advance(Duration::from_mins(1)).await;
//! ```

pub mod app;
pub mod audit;
pub mod clock;
pub mod deals;
pub mod dump;
pub mod fault;
pub mod outcomes;
pub mod people;
pub mod permutations;
pub mod processes;
pub mod proxy;
pub mod race;
pub mod rng;
pub mod servers;

pub use app::{TestApp, app};
pub use people::Person;
