//! Notices: what people are told outside of a page. Currently all notices are e-mails about deals that they joined.
//!
//! A change that buyers must learn about also writes an event, in the same transaction (a transactional outbox). So no
//! notice is lost, and none is sent about a change that was rolled back. [`deliver_due`] expands events into one
//! message for each recipient and sends the messages. Must never send a message before its event is committed.

mod delivery;
mod mail;
mod store;

pub use delivery::deliver_due;
pub use mail::{MailError, Mailer};
