//! What every page is made of: the context of its request, its layout, its forms and notices, and its response.
//!
//! Features keep their own pages. Of them, this module knows the addresses `/`, `/account` and `/sign-in`.

pub mod context;
pub mod error;
mod error_view;
mod form;
mod layout;
mod next;
mod notice;
pub mod render;
mod response;
pub mod time;

pub use context::Context;
pub use error::PageError;
pub use form::Form;
pub use layout::{Layout, Viewer};
pub use next::{Next, with_next};
pub use notice::Notice;
pub use response::see_other;
