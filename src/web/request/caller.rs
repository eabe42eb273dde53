//! Who is asking, as a type that a handler names.
//!
//! The gate ([`crate::web::gate`]) found out who it is; the types here decide whether that is enough. Each demands a role and
//! a scope. The scope stands between angle brackets: `Buyer<needs::Join>`. Where none stands, a token that is limited to scopes
//! is refused.

use std::future::{Ready, ready};
use std::marker::PhantomData;
use std::net::IpAddr;
use std::ops::Deref;

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpMessage, HttpRequest};

use crate::auth::Credential;
use crate::domain::{Identity, Role, Scope};
use crate::limits::Network;
use crate::web::error::Code;
use crate::web::problem::Problem;

/// Who sent the request and from where, as the gate found out. It lies with the request for the types below.
#[derive(Clone, Debug)]
pub struct Caller {
    /// The client's address.
    pub address: IpAddr,
    /// Who it is; none: nobody who proved it.
    pub identity: Option<Identity>,
    /// The session of the browser, if it has one; for signing out and for the token of its forms.
    pub session: Option<Credential>,
}

/// What a limited token must have, as types.
pub mod needs {
    use crate::domain::Scope;

    /// A scope as a type.
    pub trait Needs {
        /// The scope; none: only whole tokens and sessions will do.
        const SCOPE: Option<Scope>;
    }

    /// Nothing less than everything.
    #[derive(Clone, Copy, Debug)]
    pub struct Whole;
    /// See [`Scope::Join`].
    #[derive(Clone, Copy, Debug)]
    pub struct Join;
    /// See [`Scope::Deals`].
    #[derive(Clone, Copy, Debug)]
    pub struct Deals;
    /// See [`Scope::Redeem`].
    #[derive(Clone, Copy, Debug)]
    pub struct Redeem;
    /// See [`Scope::Read`].
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
                ready(admit(request, $role, N::SCOPE).map(|identity| Self(identity, PhantomData)))
            }
        }
    };
}

role!(
    /// A buyer.
    Buyer, Some(Role::Buyer)
);
role!(
    /// A merchant.
    Merchant, Some(Role::Merchant)
);
role!(
    /// An operator.
    Operator, Some(Role::Operator)
);
role!(
    /// Anybody who proved who they are.
    Signed, None
);

fn admit(request: &HttpRequest, role: Option<Role>, scope: Option<Scope>) -> Result<Identity, Problem> {
    let identity = caller(request)?.identity.ok_or_else(|| Problem::new(Code::NotSignedIn))?;
    if let Some(role) = role
        && identity.role != role
    {
        let (needed, is) = (role.as_str(), identity.role.as_str());
        return Err(
            Problem::new(Code::WrongRole).detail(format!("This needs an account of a {needed}; yours is of a {is}."))
        );
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
    // Only a route outside the gate has no caller: a defect, and then nobody gets in.
    request.extensions().get::<Caller>().cloned().ok_or_else(|| Problem::new(Code::Internal))
}

/// Whoever it is, signed in or not.
#[derive(Clone, Debug)]
pub struct MaybeSigned(pub Option<Identity>);

impl FromRequest for MaybeSigned {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(caller(request).map(|caller| Self(caller.identity)))
    }
}

impl MaybeSigned {
    /// Who it is, if the proof carries one of these scopes.
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

/// Where the request comes from, for limits.
#[derive(Clone, Copy, Debug)]
pub struct ComesFrom(pub Network);

impl FromRequest for ComesFrom {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(caller(request).map(|caller| Self(caller.address.into())))
    }
}
