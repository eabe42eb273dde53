//! Which callers each route accepts: every route × every kind of caller and scope.
//!
//! A route that is missing from the table fails the test, so each new route needs an entry.

use muster::domain::TokenId;
use muster::people::NewToken;
use muster::people::{Scope, Scopes};
use reqwest::Method;
use secrecy::ExposeSecret;

use super::fixture::Fixture;
use super::{api_routes, send};
use crate::support::Person;
use Callers::{Everybody, Signed, SignedWith, Staff};

/// The callers that a route accepts.
#[derive(Clone, Copy, Debug)]
enum Callers {
    Everybody,
    /// Any authenticated caller with a whole token.
    Signed,
    /// Any authenticated caller whose token has this scope.
    SignedWith(Scope),
    /// Staff of a merchant, with a token that has this scope.
    Staff(Scope),
}

fn callers(method: &Method, route: &str) -> Callers {
    match (method.as_str(), route.trim_start_matches("/api/v1")) {
        ("POST", "/accounts" | "/tokens") | ("GET", "/deals" | "/deals/{id}" | "/live" | "/healthz" | "/readyz") => {
            Everybody
        }
        ("GET", "/tokens") | ("DELETE", "/tokens/{id}") => Signed,
        ("POST", "/deals" | "/deals/{id}/publish" | "/deals/{id}/withdraw") | ("PATCH", "/deals/{id}") => {
            Staff(Scope::Deals)
        }
        ("GET", "/deals/{id}/signups") => Staff(Scope::Read),
        ("POST", "/redemptions") => Staff(Scope::Redeem),
        ("POST", "/deals/{id}/signups") | ("DELETE", "/signups/{id}") => SignedWith(Scope::Join),
        ("GET", "/signups" | "/signups/{id}" | "/coupons" | "/coupons/{id}" | "/coupons/{id}/qr.svg") => {
            SignedWith(Scope::Read)
        }
        _ => panic!("who may call {method} {route}?"),
    }
}

/// A caller's token: whether its account is staff of a merchant, and its scopes.
struct Proof {
    name: String,
    token: String,
    is_staff: bool,
    scopes: Scopes,
}

impl Callers {
    /// The code of the refusal that this proof gets, or `None` if the route accepts it.
    fn refusal(self, proof: &Proof) -> Option<&'static str> {
        let scope = match self {
            Everybody => return None,
            Staff(_) if !proof.is_staff => return Some("wrong_role"),
            Signed => None,
            SignedWith(scope) | Staff(scope) => Some(scope),
        };
        let allowed = scope.map_or(proof.scopes.is_whole(), |scope| proof.scopes.allow(scope));
        (!allowed).then_some("scope_missing")
    }
}

async fn limited_proof(fixture: &Fixture, person: &Person, is_staff: bool, scopes: Scopes) -> Proof {
    let fresh = muster::people::FreshSecret::token();
    let (id, label) = (TokenId::generate(), "limited".to_owned());
    let new = NewToken { id, account: person.id, hash: fresh.hash, label, scopes, expires_at: None };
    fixture.app.store.create_token(&new).await.unwrap();
    Proof {
        name: format!("{} with {scopes:?}", person.name),
        token: fresh.text.expose_secret().to_owned(),
        is_staff,
        scopes,
    }
}

async fn proofs(fixture: &Fixture) -> Vec<Proof> {
    let mut proofs = Vec::new();
    for (person, is_staff) in [(&fixture.ann, false), (&fixture.mo, true), (&fixture.jo, true)] {
        let (name, token) = (person.name.clone(), person.token.clone());
        proofs.push(Proof { name, token, is_staff, scopes: Scopes::WHOLE });
        for scope in Scope::ALL {
            proofs.push(limited_proof(fixture, person, is_staff, Scopes::only([scope])).await);
        }
    }
    proofs
}

#[tokio::test]
async fn every_route_accepts_exactly_the_callers_and_scopes_in_the_table() {
    let fixture = Fixture::new().await;
    for proof in proofs(&fixture).await {
        for (method, route) in api_routes() {
            let answer = send(fixture.request(&method, &route).bearer_auth(&proof.token)).await;
            let case = format!("{} {method} {route}: {}", proof.name, answer.body);
            match callers(&method, &route).refusal(&proof) {
                Some(code) => assert_eq!((answer.status, answer.code()), (403, code), "{case}"),
                // A wrong password is not a refusal of the token.
                None => assert!(!matches!(answer.status, 403) && answer.code() != "bad_token", "{case}"),
            }
        }
    }
}

#[tokio::test]
async fn missing_and_invalid_tokens_are_rejected_on_every_route() {
    let fixture = Fixture::new().await;
    let before = fixture.app.backend.dump().await;
    for (method, route) in api_routes() {
        if matches!(callers(&method, &route), Everybody) {
            continue;
        }
        let nobody = send(fixture.request(&method, &route)).await;
        assert_eq!((nobody.status, nobody.code()), (401, "not_signed_in"), "{method} {route}");
        for token in ["", "x", "mst_", "mst_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", &fixture.mo.token[..35]] {
            let answer = send(fixture.request(&method, &route).bearer_auth(token)).await;
            assert_eq!((answer.status, answer.code()), (401, "bad_token"), "{method} {route} {token}");
        }
        let basic = send(fixture.request(&method, &route).basic_auth("ann", Some("correct horse"))).await;
        assert_eq!((basic.status, basic.code()), (401, "bad_token"), "{method} {route}");
    }
    assert_eq!(fixture.app.backend.dump().await, before);
}

#[tokio::test]
async fn resources_of_other_accounts_are_not_found() {
    let fixture = Fixture::new().await;
    let before = fixture.app.backend.dump().await;
    let mut walked = 0;
    for (method, route) in api_routes() {
        if !route.contains("{id}") {
            continue;
        }
        let stranger = match (callers(&method, &route), route.as_str()) {
            (SignedWith(Scope::Join), "/api/v1/deals/{id}/signups") | (Everybody, _) => continue,
            (SignedWith(_), _) => &fixture.bob,
            (Staff(_) | Signed, _) => &fixture.jo,
        };
        let answer = send(fixture.request(&method, &route).bearer_auth(&stranger.token)).await;
        assert_eq!(answer.status, 404, "{method} {route}: {}", answer.body);
        walked += 1;
    }
    assert_eq!(walked, 9);
    let draft = format!("/api/v1/deals/{}", fixture.draft.id);
    for request in [fixture.app.get(&draft), fixture.jo.get(&draft), fixture.ann.get(&draft)] {
        assert_eq!(send(request).await.code(), "no_such_deal");
    }
    assert_eq!(send(fixture.mo.get(&draft)).await.status, 200);
    let join = fixture.bob.post_join(fixture.draft.id, 1, "draft").await;
    assert_eq!(super::read(join).await.status, 404, "a draft cannot be joined");
    assert_eq!(fixture.app.backend.dump().await, before);
}

#[tokio::test]
async fn a_limited_token_sees_drafts_only_with_the_read_or_deals_scope() {
    let fixture = Fixture::new().await;
    let draft = format!("/api/v1/deals/{}", fixture.draft.id);
    for (scope, status) in [(Scope::Read, 200), (Scope::Deals, 200), (Scope::Redeem, 404), (Scope::Join, 404)] {
        let token = limited_proof(&fixture, &fixture.mo, true, Scopes::only([scope])).await.token;
        assert_eq!(send(fixture.app.get(&draft).bearer_auth(token)).await.status, status, "{scope:?}");
    }
}
