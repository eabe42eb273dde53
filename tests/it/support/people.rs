//! Buyers and merchants with tokens, created without hashing a password.

use muster::domain::{
    AccountId, DealId, Email, IdempotencyKey, JoinOutcome, JoinRequest, Merchant, MerchantId, TokenId, Units,
};
use muster::people::FreshSecret;
use muster::people::Scopes;
use muster::people::{NewAccount, NewToken};
use reqwest::{Method, RequestBuilder, Response};
use secrecy::ExposeSecret;
use serde_json::json;

use super::app::Node;

/// An account with a token, and a client of one node.
#[derive(Clone)]
pub struct Person {
    pub id: AccountId,
    shop: Option<MerchantId>,
    pub name: String,
    pub token: String,
    client: reqwest::Client,
    base: String,
}

impl Node {
    /// Creates a buyer.
    pub async fn buyer(&self, name: &str) -> Person {
        self.people(name, 1).await.remove(0)
    }

    /// Creates a merchant and its owner, both with this name. They never share an id.
    pub async fn merchant(&self, name: &str) -> Person {
        let owner = self.buyer(name).await;
        let shop = self.create_merchant_for(&owner, name).await;
        Person { shop: Some(shop), ..owner }
    }

    /// Creates a merchant of this name for an owner, who may own others already.
    pub async fn create_merchant_for(&self, owner: &Person, name: &str) -> MerchantId {
        let merchant = Merchant { id: MerchantId::generate(), name: name.to_owned() };
        self.store.create_merchants(&[(merchant.clone(), owner.id)]).await.unwrap();
        merchant.id
    }

    /// Creates buyers of the same name.
    pub async fn people(&self, name: &str, count: usize) -> Vec<Person> {
        let accounts: Vec<NewAccount> = (0..count).map(|_| new_account(name)).collect();
        let secrets: Vec<FreshSecret> = accounts.iter().map(|_| FreshSecret::token()).collect();
        let tokens: Vec<NewToken> =
            accounts.iter().zip(&secrets).map(|(account, secret)| new_token(account, secret)).collect();
        self.store.create_accounts(&accounts).await.unwrap();
        self.store.create_whole_tokens(&tokens).await.unwrap();
        let person = |(account, secret): (&NewAccount, &FreshSecret)| Person {
            id: account.id,
            shop: None,
            name: name.to_owned(),
            token: secret.text.expose_secret().to_owned(),
            client: self.client.clone(),
            base: self.url(""),
        };
        accounts.iter().zip(&secrets).map(person).collect()
    }
}

impl Node {
    /// An account that exists already, with this token.
    pub fn existing_person(&self, id: AccountId, name: &str, token: &str) -> Person {
        Person {
            id,
            shop: None,
            name: name.to_owned(),
            token: token.to_owned(),
            client: self.client.clone(),
            base: self.url(""),
        }
    }
}

/// The engine's request for a join with this key.
pub fn join_request(person: &Person, deal: DealId, units: u32, key: &str) -> JoinRequest {
    let (units, key) = (Units::new(units.into()).unwrap(), IdempotencyKey::parse(key).unwrap());
    JoinRequest::new(deal, person.id, units, &key)
}

impl Node {
    /// Joins a deal through the engine, without HTTP.
    pub async fn engine_join(&self, person: &Person, deal: DealId, units: u32, key: &str) -> JoinOutcome {
        self.engine.join(join_request(person, deal, units, key)).await
    }
}

fn new_account(name: &str) -> NewAccount {
    let id = AccountId::generate();
    let email = Email::parse(&format!("{}-{id}@example.com", name.to_lowercase().replace(' ', "."))).unwrap();
    NewAccount { id, email, name: name.to_owned(), password_hash: None }
}

fn new_token(account: &NewAccount, secret: &FreshSecret) -> NewToken {
    NewToken {
        id: TokenId::generate(),
        account: account.id,
        hash: secret.hash,
        label: "test".to_owned(),
        scopes: Scopes::WHOLE,
        expires_at: None,
    }
}

impl Person {
    /// The merchant that [`Node::merchant`] created for this person.
    pub fn merchant_id(&self) -> MerchantId {
        self.shop.expect("a merchant")
    }

    /// The same person as a client of another node.
    pub fn at(&self, node: &Node) -> Self {
        Self { base: node.url(""), ..self.clone() }
    }

    /// The same person as a client of the node at this address, through this HTTP client.
    pub fn at_url(&self, base: &str, client: &reqwest::Client) -> Self {
        Self { base: base.to_owned(), client: client.clone(), ..self.clone() }
    }

    /// An authenticated request.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.base)).bearer_auth(&self.token)
    }

    pub fn get(&self, path: &str) -> RequestBuilder {
        self.request(Method::GET, path)
    }

    pub fn post(&self, path: &str) -> RequestBuilder {
        self.request(Method::POST, path)
    }

    pub fn delete(&self, path: &str) -> RequestBuilder {
        self.request(Method::DELETE, path)
    }

    /// Joins a deal over HTTP.
    pub async fn post_join(&self, deal: DealId, units: u32, key: &str) -> Response {
        self.try_post_join(deal, units, key).await.unwrap()
    }

    /// Joins a deal over HTTP. The error is a broken connection.
    pub async fn try_post_join(&self, deal: DealId, units: u32, key: &str) -> reqwest::Result<Response> {
        let joining = self.post(&format!("/api/v1/deals/{deal}/signups")).header("Idempotency-Key", key);
        joining.json(&json!({ "units": units })).send().await
    }
}
