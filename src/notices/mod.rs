//! Notices: what people are told outside of a page. Today that is e-mail about deals that they joined.
//!
//! Whatever changes a deal also writes an event, in the same transaction (a transactional outbox), so no notice is lost
//! and none is sent about a change that was rolled back. [`deliver_due`] expands events into one message for each
//! recipient and sends the messages. Must never send anything before its event is committed.

mod delivery;
mod mail;
mod store;

pub use delivery::deliver_due;
pub use mail::{MailError, Mailer};
