//! Each script of `lua/` on a real Redis: twice, late, out of order, on missing keys and on keys of a wrong type.

mod admit;
mod apply;
mod headers;
mod holds;
mod load_begin;
mod load_buyers;
mod load_finish;
mod orders;
mod rate_limit;
mod release;
mod renew;
mod table;
mod wrong_types;

use table::{Table, new_deal, open, request, someone};
