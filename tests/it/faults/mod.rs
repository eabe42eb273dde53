//! What happens when something fails.

mod chaos;
