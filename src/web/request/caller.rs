//! The caller, and the extractors that authorise them.
//!
//! The gate ([`crate::web::middleware`]) identifies the caller; a handler names the role and scope that it requires, as in
//! `Buyer<needs::Join>`. Without a scope, as in `Buyer`, a token that is limited to scopes is refused.

use std::future::{Ready, ready};
use std::marker::PhantomData;
use std::net::IpAddr;
use std::ops::Deref;

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpMessage, HttpRequest};

use crate::auth::Credential;
use crate::domain::{Identity, Role, Scope};
use crate::limits::Network;
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
    use crate::domain::Scope;

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

macro_rules! role {
    ($(#[$doc:meta])* $name:ident, $role:expr) => {
        $(#[$doc])*
        #[derive(Clone, Debug)]
        pub struct $name<N = Whole>(Identity, PhantomData<N>);

        impl<N> Deref for $name<N> {
            type Target = Identity;

            fn deref(&self) -> &Identity {
                &self.0
            }
        }

        impl<N: Needs> FromRequest for $name<N> {
            type Error = Problem;
            type Future = Ready<Result<Self, Problem>>;

            fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
                ready(authorise(request, $role, N::SCOPE).map(|identity| Self(identity, PhantomData)))
            }
        }
    };
}

role!(
    /// A caller who is a buyer.
    Buyer, Some(Role::Buyer)
);
role!(
    /// A caller who is a merchant.
    Merchant, Some(Role::Merchant)
);
role!(
    /// A caller who is signed in, with any role.
    SignedIn, None
);

fn authorise(request: &HttpRequest, role: Option<Role>, scope: Option<Scope>) -> Result<Identity, Problem> {
    let identity = caller(request)?.identity.ok_or_else(|| Problem::new(Code::NotSignedIn))?;
    if let Some(role) = role
        && identity.role != role
    {
        let own = match identity.role {
            Role::Buyer => "a buyer",
            Role::Merchant => "a merchant",
            Role::Operator => "an operator",
        };
        let detail = format!("Only {}s can do this; you are signed in as {own}.", role.as_str());
        return Err(Problem::new(Code::WrongRole).detail(detail));
    }
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
