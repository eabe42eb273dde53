//! Deals: merchants write and publish them; everybody reads them.

pub mod create;
pub mod list;
pub mod patch;
pub mod publish;
pub mod show;
mod view;
pub mod withdraw;

pub use view::DealView;
