//! The database: its schema, its functions, and the roles that may change them.

mod adoption;
mod functions;
mod legacy;
mod refused;
mod roles;
