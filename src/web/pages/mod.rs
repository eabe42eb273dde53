//! HTML, one file per page or verb.
//!
//! Every page works as plain links and forms; the scripts under `static/` only add to them. A handler loads what it shows,
//! and hands it to a view ([`view`]); it must never write HTML itself, nor name Redis or SQL. After a form was taken the
//! answer is a redirect, and a form that was not taken comes back with what was typed and everything that is wrong with it.

pub mod account;
pub mod context;
pub mod deal;
pub mod error;
pub mod home;
pub mod join;
pub mod leave;
pub mod merchant;
pub mod my_coupons;
pub mod my_deals;
pub mod next;
pub mod only_pages;
pub mod picture;
pub mod render;
pub mod sign_in;
pub mod sign_out;
pub mod sign_up;
pub mod signup;
pub mod typed;
pub mod typed_deal;
pub mod view;
