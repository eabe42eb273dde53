//! The assertion that all targets make about refused input.

use actix_web::ResponseError;
use muster::web::problem::Problem;

/// Asserts that a problem is a 4xx with a detail.
pub fn is_the_clients(problem: &Problem) {
    assert!(problem.status_code().is_client_error(), "{}", problem.status_code());
    assert!(!problem.detail_text().is_empty());
}
