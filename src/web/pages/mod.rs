//! HTML, one file per page or verb.

pub mod view;
