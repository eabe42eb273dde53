//! The middleware, in the order in which a request passes it. Responses pass it in reverse.
//!
//! | # | Middleware | Applies to | Does |
//! |---|---|---|---|
//! | 1 | [`observe()`] | everything | counts and times requests by route |
//! | 2 | [`security_headers()`] | everything | adds the security headers to the response |
//! | 3 | [`error_pages()`] | pages | replaces error responses with HTML pages |
//! | 4 | [`gate()`] | pages and the API | checks rate limits and origin, identifies the caller, reserves a join's slot |
//! | 5 | [`compress()`] | pages | compresses responses made for one reader |
//!
//! Static files, pictures and health probes pass only the first two. `routes.rs` wires the list with `wrap` calls,
//! which actix runs in reverse order.

mod compress;
mod error_pages;
mod gate;
mod observe;
mod security_headers;

pub use compress::compress;
pub use error_pages::error_pages;
pub use gate::gate;
pub use observe::observe;
pub use security_headers::security_headers;
