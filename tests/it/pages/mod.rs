//! Pages as people use them, without JavaScript.

mod accounts;
mod browser;
mod compressed;
mod coupons;
mod deal;
mod editor;
mod guards;
mod joining;
mod market;
mod redeem;
mod stall;
mod trouble;

use browser::Page;
