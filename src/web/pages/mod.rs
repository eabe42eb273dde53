//! HTML, one file per page or verb.

pub mod typed_deal;
pub mod view;
