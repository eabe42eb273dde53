//! What every test stands on: real servers, a node in its own database, people and deals in it.
//!
//! ```ignore
//! let app = support::app().start().await;
//! let merchant = app.merchant("Mo").await;
//! let deal = app.deal(&merchant).tipping_point(1).publish().await;
//! let ann = app.buyer("Ann").await;
//! ann.post(&format!("/api/v1/deals/{}/signups", deal.id)).header("Idempotency-Key", "1").json(&json!({"units": 1}))
//! app.settle_now().await;
//! app.clock.advance(Duration::from_mins(1)).await;
//! ```

pub mod app;
pub mod audit;
pub mod chance;
pub mod clock;
pub mod deals;
pub mod dump;
pub mod fault;
pub mod orders;
pub mod outcomes;
pub mod people;
pub mod processes;
pub mod proxy;
pub mod race;
pub mod servers;

pub use app::{TestApp, app};
pub use people::Person;
