//! Each script in `lua/` on a real Redis: called twice, late and out of order, with missing keys and with keys of the
//! wrong type.

mod admit;
mod apply;
mod harness;
mod headers;
mod holds;
mod keys;
mod load_begin;
mod load_buyers;
mod load_finish;
mod orders;
mod rate_limit;
mod release;
mod renew;
mod wrong_types;

use harness::{Harness, new_buyer, new_deal, open, request};
