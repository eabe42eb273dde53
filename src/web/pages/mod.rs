//! The HTML pages, one file per page or action.
//!
//! Every page works with plain links and forms; the scripts under `static/` only enhance it. A handler loads the data
//! and passes it to a view model in [`view`]. Handlers never write HTML themselves. After a successful form submission
//! the response is a redirect. A rejected form is shown again with the submitted values and all of its problems.

pub mod deal;
pub mod home;
pub mod join;
pub mod leave;
pub mod merchant;
pub mod my_coupons;
pub mod my_deals;
pub mod picture;
pub mod scanned;
pub mod signup;
pub mod view;
