//! Deals: written and published by merchants, read by everybody.

pub mod create;
pub mod list;
pub mod patch;
pub mod publish;
pub mod show;
mod view;
pub mod withdraw;

pub use view::DealView;
