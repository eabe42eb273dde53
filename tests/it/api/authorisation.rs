//! Who may call what: every route × everybody.
//!
//! A route that is not in the table fails the test: whoever adds one says who may call it.

use muster::domain::{Scope, Scopes, TokenId};
use muster::store::NewToken;
use reqwest::Method;
use secrecy::ExposeSecret;

use super::everybody::Scene;
use super::{api_routes, send};
use crate::support::Person;
use Who::{Everybody, Signed, SignedWith, Staff};

/// Whom a route lets in.
#[derive(Clone, Copy, Debug)]
enum Who {
    Everybody,
    /// Anybody who proved who they are, with a whole token.
    Signed,
    /// Anybody who proved who they are, with a token of this scope.
    SignedWith(Scope),
    /// The staff of a merchant.
    Staff(Scope),
}

fn who(method: &Method, route: &str) -> Who {
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

/// A proof that somebody sends: whether it is of a merchant's staff, and what it allows.
struct Proof {
    name: String,
    token: String,
    is_staff: bool,
    scopes: Scopes,
}

impl Who {
    /// The refusal that this proof meets; none: it is let in.
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

async fn limited(scene: &Scene, person: &Person, is_staff: bool, scopes: Scopes) -> Proof {
    let fresh = muster::auth::FreshSecret::token();
    let (id, label) = (TokenId::generate(), "limited".to_owned());
    let new = NewToken { id, account: person.id, hash: fresh.hash, label, scopes, expires_at: None };
    scene.app.store.create_token(&new).await.unwrap();
    Proof {
        name: format!("{} with {scopes:?}", person.name),
        token: fresh.text.expose_secret().to_owned(),
        is_staff,
        scopes,
    }
}

async fn proofs(scene: &Scene) -> Vec<Proof> {
    let mut proofs = Vec::new();
    for (person, is_staff) in [(&scene.ann, false), (&scene.mo, true), (&scene.jo, true)] {
        let (name, token) = (person.name.clone(), person.token.clone());
        proofs.push(Proof { name, token, is_staff, scopes: Scopes::WHOLE });
        for scope in Scope::ALL {
            proofs.push(limited(scene, person, is_staff, Scopes::only([scope])).await);
        }
    }
    proofs
}

#[tokio::test]
async fn every_route_lets_in_whom_it_should_and_nobody_else() {
    let scene = Scene::set().await;
    for proof in proofs(&scene).await {
        for (method, route) in api_routes() {
            let answer = send(scene.request(&method, &route).bearer_auth(&proof.token)).await;
            let case = format!("{} {method} {route}: {}", proof.name, answer.body);
            match who(&method, &route).refusal(&proof) {
                Some(code) => assert_eq!((answer.status, answer.code()), (403, code), "{case}"),
                // A wrong password is no refusal of the token.
                None => assert!(!matches!(answer.status, 403) && answer.code() != "bad_token", "{case}"),
            }
        }
    }
}

#[tokio::test]
async fn nobody_gets_in_without_a_token_or_with_a_bad_one() {
    let scene = Scene::set().await;
    let before = scene.app.home.dump().await;
    for (method, route) in api_routes() {
        if matches!(who(&method, &route), Everybody) {
            continue;
        }
        let nobody = send(scene.request(&method, &route)).await;
        assert_eq!((nobody.status, nobody.code()), (401, "not_signed_in"), "{method} {route}");
        for token in ["", "x", "mst_", "mst_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", &scene.mo.token[..35]] {
            let answer = send(scene.request(&method, &route).bearer_auth(token)).await;
            assert_eq!((answer.status, answer.code()), (401, "bad_token"), "{method} {route} {token}");
        }
        let basic = send(scene.request(&method, &route).basic_auth("ann", Some("correct horse"))).await;
        assert_eq!((basic.status, basic.code()), (401, "bad_token"), "{method} {route}");
    }
    assert_eq!(scene.app.home.dump().await, before);
}

#[tokio::test]
async fn what_belongs_to_another_account_is_404() {
    let scene = Scene::set().await;
    let before = scene.app.home.dump().await;
    let mut walked = 0;
    for (method, route) in api_routes() {
        if !route.contains("{id}") {
            continue;
        }
        let stranger = match (who(&method, &route), route.as_str()) {
            (SignedWith(Scope::Join), "/api/v1/deals/{id}/signups") | (Everybody, _) => continue,
            (SignedWith(_), _) => &scene.bob,
            (Staff(_) | Signed, _) => &scene.jo,
        };
        let answer = send(scene.request(&method, &route).bearer_auth(&stranger.token)).await;
        assert_eq!(answer.status, 404, "{method} {route}: {}", answer.body);
        walked += 1;
    }
    assert_eq!(walked, 9);
    let draft = format!("/api/v1/deals/{}", scene.draft.id);
    for request in [scene.app.get(&draft), scene.jo.get(&draft), scene.ann.get(&draft)] {
        assert_eq!(send(request).await.code(), "no_such_deal");
    }
    assert_eq!(send(scene.mo.get(&draft)).await.status, 200);
    let join = scene.bob.join(scene.draft.id, 1, "draft").await;
    assert_eq!(super::read(join).await.status, 404, "nobody joins a draft");
    assert_eq!(scene.app.home.dump().await, before);
}

#[tokio::test]
async fn a_limited_token_does_not_show_drafts_unless_it_may_read_or_write_them() {
    let scene = Scene::set().await;
    let draft = format!("/api/v1/deals/{}", scene.draft.id);
    for (scope, status) in [(Scope::Read, 200), (Scope::Deals, 200), (Scope::Redeem, 404), (Scope::Join, 404)] {
        let token = limited(&scene, &scene.mo, true, Scopes::only([scope])).await.token;
        assert_eq!(send(scene.app.get(&draft).bearer_auth(token)).await.status, status, "{scope:?}");
    }
}
