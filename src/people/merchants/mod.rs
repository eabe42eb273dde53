//! Merchants and their staff. For now every member of the staff is an owner.

mod store;
