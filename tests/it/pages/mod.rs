//! The pages as people use them, without JavaScript.

mod browser;
mod compressed;
mod coupons;
mod dashboard;
mod deal;
mod editor;
mod errors;
mod guards;
mod home;
mod joining;
mod one_join;
mod redeem;

use browser::Page;
