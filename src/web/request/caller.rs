//! The caller, and the extractors that authorise them.
//!
//! The gate ([`crate::web::middleware`]) identifies the caller; a handler names the permission and the scope that it
//! requires, as in `Merchant<needs::Deals>`. Without a scope, as in `Buyer`, a token that is limited to scopes is
//! refused.

use std::future::{Ready, ready};
use std::marker::PhantomData;
use std::net::IpAddr;
use std::ops::Deref;
use std::sync::Arc;

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpMessage, HttpRequest};

use crate::App;
use crate::domain::{Deal, DealId};
use crate::limits::Network;
use crate::people::Credential;
use crate::people::{Identity, Scope};
use crate::web::problem::{Code, Problem};
use crate::web::request::GatePass;

/// The sender of a request. The gate leaves it in the request's extensions, in a [`GatePass`].
#[derive(Clone, Debug)]
pub struct Caller {
    /// The client's address.
    pub address: IpAddr,
    /// The account and its scopes; none if the caller is anonymous.
    pub identity: Option<Identity>,
    /// The credential in the session cookie, which signing out and CSRF tokens need. It may have expired.
    pub session: Option<Credential>,
}

/// The scopes that a handler can require of a limited token, as types.
pub mod needs {
    use crate::people::Scope;

    /// A required scope.
    pub trait Needs {
        /// The scope. With none, only full tokens and sessions are accepted.
        const SCOPE: Option<Scope>;
    }

    /// Requires a full token or a session.
    #[derive(Clone, Copy, Debug)]
    pub struct Whole;
    /// Requires [`Scope::Join`].
    #[derive(Clone, Copy, Debug)]
    pub struct Join;
    /// Requires [`Scope::Deals`].
    #[derive(Clone, Copy, Debug)]
    pub struct Deals;
    /// Requires [`Scope::Redeem`].
    #[derive(Clone, Copy, Debug)]
    pub struct Redeem;
    /// Requires [`Scope::Read`].
    #[derive(Clone, Copy, Debug)]
    pub struct Read;

    impl Needs for Whole {
        const SCOPE: Option<Scope> = None;
    }
    impl Needs for Join {
        const SCOPE: Option<Scope> = Some(Scope::Join);
    }
    impl Needs for Deals {
        const SCOPE: Option<Scope> = Some(Scope::Deals);
    }
    impl Needs for Redeem {
        const SCOPE: Option<Scope> = Some(Scope::Redeem);
    }
    impl Needs for Read {
        const SCOPE: Option<Scope> = Some(Scope::Read);
    }
}

use needs::{Needs, Whole};

/// A caller who is signed in.
#[derive(Clone, Debug)]
pub struct SignedIn<N = Whole>(Identity, PhantomData<N>);

/// A caller who may buy: anybody who is signed in.
pub type Buyer<N = Whole> = SignedIn<N>;

impl<N> Deref for SignedIn<N> {
    type Target = Identity;

    fn deref(&self) -> &Identity {
        &self.0
    }
}

impl<N: Needs> FromRequest for SignedIn<N> {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(identity(request).and_then(|identity| with_scope(identity, N::SCOPE)).map(|id| Self(id, PhantomData)))
    }
}

/// A caller who is staff of at least one merchant.
#[derive(Clone, Debug)]
pub struct Merchant<N = Whole>(Identity, PhantomData<N>);

impl<N> Deref for Merchant<N> {
    type Target = Identity;

    fn deref(&self) -> &Identity {
        &self.0
    }
}

impl<N: Needs> FromRequest for Merchant<N> {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let identity = identity(request).and_then(staff).and_then(|identity| with_scope(identity, N::SCOPE));
        ready(identity.map(|identity| Self(identity, PhantomData)))
    }
}

impl<N> Merchant<N> {
    /// The deal with this id, if it is a deal of one of the caller's merchants.
    ///
    /// # Errors
    /// The deal is somebody else's or does not exist, or Postgres is unavailable.
    pub async fn deal(&self, app: &App, id: DealId) -> Result<Arc<Deal>, Problem> {
        let deal = app.store.shared_deal(id).await?.filter(|deal| self.staff_of.contains(deal.merchant));
        deal.ok_or_else(|| Problem::new(Code::NoSuchDeal))
    }
}

fn identity(request: &HttpRequest) -> Result<Identity, Problem> {
    caller(request)?.identity.ok_or_else(|| Problem::new(Code::NotSignedIn))
}

fn staff(identity: Identity) -> Result<Identity, Problem> {
    if identity.staff_of.is_empty() {
        let detail = "Only the staff of a merchant can do this, and your account is not on the staff of any.";
        return Err(Problem::new(Code::WrongRole).detail(detail));
    }
    Ok(identity)
}

fn with_scope(identity: Identity, scope: Option<Scope>) -> Result<Identity, Problem> {
    match scope {
        Some(scope) if identity.scopes.allow(scope) => Ok(identity),
        None if identity.scopes.is_whole() => Ok(identity),
        Some(scope) => Err(Problem::new(Code::ScopeMissing)
            .detail(format!("Use a token with the scope {}, or one without limits.", scope.as_str()))),
        None => Err(Problem::new(Code::ScopeMissing)
            .detail("No scope covers this: use a token without limits, or sign in as a person.")),
    }
}

fn caller(request: &HttpRequest) -> Result<Caller, Problem> {
    // Only a route outside the gate has no caller. That is a defect, so access is denied.
    request.extensions().get::<GatePass>().map(|pass| pass.caller.clone()).ok_or_else(|| Problem::new(Code::Internal))
}

/// The caller's identity; none if they are anonymous.
#[derive(Clone, Debug)]
pub struct MaybeSignedIn(pub Option<Identity>);

impl FromRequest for MaybeSignedIn {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(caller(request).map(|caller| Self(caller.identity)))
    }
}

impl MaybeSignedIn {
    /// The identity, if its credential has one of these scopes.
    #[must_use]
    pub fn with_any(&self, scopes: &[Scope]) -> Option<&Identity> {
        self.0.as_ref().filter(|identity| scopes.iter().any(|scope| identity.scopes.allow(*scope)))
    }
}

impl FromRequest for Caller {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(caller(request))
    }
}

/// The network block of the client's address, by which rate limits count.
#[derive(Clone, Copy, Debug)]
pub struct ClientNetwork(pub Network);

impl FromRequest for ClientNetwork {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(caller(request).map(|caller| Self(caller.address.into())))
    }
}
