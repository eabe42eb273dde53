//! The database itself: its schema, its functions, and who may change them.

mod adoption;
mod before;
mod functions;
mod refused;
mod roles;
