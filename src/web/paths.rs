//! Paths that several modules share.

use actix_web::http::Method;

use crate::domain::{DealId, SignupId};

/// The prefix of every API path.
pub const API: &str = "/api/v1";

/// The route that joins a deal, below [`API`]. Takes `POST`.
pub const JOIN: &str = "/deals/{id}/signups";
/// The route of the form that joins a deal. Takes `POST`.
pub const JOIN_FORM: &str = "/deals/{deal}/join";

/// The deal that a request asks to join, before the request is routed. `None` if the request is not a join.
///
/// The router also decodes percent-encoded characters, which no client needs in these paths. A join that this function
/// does not recognise reserves its slot later, in the handler.
pub fn deal_to_join(method: &Method, path: &str) -> Option<DealId> {
    if method != Method::POST {
        return None;
    }
    let (path, route) = path.strip_prefix(API).map_or((path, JOIN_FORM), |below| (below, JOIN));
    let (before, after) = route.split_once('{').and_then(|(before, rest)| Some((before, rest.split_once('}')?.1)))?;
    path.strip_prefix(before)?.strip_suffix(after)?.parse().ok()
}

/// The path of a deal.
pub fn deal(id: DealId) -> String {
    format!("/api/v1/deals/{id}")
}

/// The path of a signup.
pub fn signup(id: SignupId) -> String {
    format!("/api/v1/signups/{id}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_join_is_recognised_by_its_route() {
        let deal = DealId::generate();
        let join = |method, path: &str| deal_to_join(&method, path);
        assert_eq!(join(Method::POST, &format!("{API}/deals/{deal}/signups")), Some(deal));
        assert_eq!(join(Method::POST, &format!("/deals/{deal}/join")), Some(deal));
        assert_eq!(join(Method::GET, &format!("{API}/deals/{deal}/signups")), None);
        for path in [
            format!("{API}/deals/{deal}/join"),
            format!("/deals/{deal}/signups"),
            format!("{API}/deals/{deal}"),
            format!("{API}/deals/{deal}/signups/"),
            "/deals/1/join".to_owned(),
            API.to_owned(),
        ] {
            assert_eq!(join(Method::POST, &path), None, "{path}");
        }
    }

    #[test]
    fn every_path_begins_with_the_prefix() {
        assert!(deal(DealId::generate()).starts_with(&format!("{API}/")));
        assert!(signup(SignupId::from(uuid::Uuid::nil())).starts_with(&format!("{API}/")));
    }
}
