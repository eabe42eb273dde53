//! A node with buyers and the owners of two merchants, and a plausible request for every route. The tests that walk all
//! routes use it.

use muster::domain::{Deal, TokenId};
use muster::people::{FreshSecret, NewToken, Scopes};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use super::deals::new_deal;
use super::send;
use crate::support::{self, Person, TestApp};

pub struct Fixture {
    pub app: TestApp,
    /// A buyer with a signup in the open and in the tipped deal, and a coupon.
    pub ann: Person,
    /// A buyer without signups.
    pub bob: Person,
    /// The owner of the merchant that offers the deals.
    pub mo: Person,
    /// The owner of another merchant.
    pub jo: Person,
    /// An open deal below its tipping point.
    pub open: Deal,
    /// Visible to Mo only.
    pub draft: Deal,
    /// The id of Ann's signup in the open deal.
    pub signup: String,
    /// Ann's coupon.
    pub coupon: Value,
    /// The id of Mo's second token.
    pub token: String,
}

impl Fixture {
    pub async fn new() -> Self {
        let app = support::app().start().await;
        let (ann, bob) = (app.buyer("Ann").await, app.buyer("Bob").await);
        let (mo, jo) = (app.merchant("Mo").await, app.merchant("Jo").await);
        let open = app.deal(&mo).publish().await;
        let draft = app.deal(&mo).draft().await;
        let tipped = app.deal(&mo).tipping_point(1).publish().await;
        let joined: Value = ann.post_join(open.id, 1, "first").await.json().await.unwrap();
        assert_eq!(ann.post_join(tipped.id, 1, "first").await.status(), 201);
        app.settle_now().await;
        let coupons = send(ann.get("/api/v1/coupons")).await;
        let token = TokenId::generate();
        let (hash, label) = (FreshSecret::token().hash, "till 2".to_owned());
        let new_token = NewToken { id: token, account: mo.id, hash, label, scopes: Scopes::WHOLE, expires_at: None };
        app.store.create_token(&new_token).await.unwrap();
        Self {
            signup: joined["id"].as_str().unwrap().to_owned(),
            coupon: coupons.body["data"][0].clone(),
            token: token.to_string(),
            app,
            ann,
            bob,
            mo,
            jo,
            open,
            draft,
        }
    }

    /// The path of a route with the id of a resource that its owner may use.
    pub fn path(&self, method: &Method, route: &str) -> String {
        let id = match route.trim_start_matches("/api/v1/").split('/').next().unwrap() {
            "deals" if route.ends_with("/publish") || *method == Method::PATCH => self.draft.id.to_string(),
            "deals" => self.open.id.to_string(),
            "signups" => self.signup.clone(),
            "coupons" => self.coupon["id"].as_str().unwrap().to_owned(),
            "tokens" => self.token.clone(),
            resource => {
                assert!(!route.contains("{id}"), "say which id {resource} has");
                String::new()
            }
        };
        route.replace("{id}", &id)
    }

    /// A complete request for this route, but without credentials.
    pub fn request(&self, method: &Method, route: &str) -> RequestBuilder {
        let request = self.app.client.request(method.clone(), self.app.url(&self.path(method, route)));
        let request = request.header("Idempotency-Key", "any-key").header("If-Match", "*");
        match self.body(method, route) {
            Some(body) => request.json(&body),
            None => request,
        }
    }

    /// The body of this route's request, or `None` if it takes none.
    pub fn body(&self, method: &Method, route: &str) -> Option<Value> {
        Some(match (method.as_str(), route.trim_start_matches("/api/v1")) {
            ("POST", "/accounts") => {
                json!({"email": "new@example.com", "password": "correct horse", "name": "New"})
            }
            ("POST", "/tokens") => json!({"email": "nobody@example.com", "password": "correct horse", "label": "x"}),
            ("POST", "/deals") => new_deal(&self.app),
            ("PATCH", "/deals/{id}") => json!({"title": "Another title"}),
            ("POST", "/deals/{id}/withdraw") => json!({"reason": "The workshop is flooded."}),
            ("POST", "/deals/{id}/signups") => json!({"units": 1}),
            ("POST", "/redemptions") => json!({"code": self.coupon["code"]}),
            ("GET" | "DELETE", _) | ("POST", "/deals/{id}/publish") => return None,
            _ => panic!("say which body {method} {route} takes"),
        })
    }
}
