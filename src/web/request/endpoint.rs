//! One address and its methods: what `routes.rs` is written with.
//!
//! An address refuses methods that it does not have with a problem that names those that it has, answers `HEAD` where it
//! answers `GET`, and can be listed, so that tests can walk every route that exists.

use std::rc::Rc;

use actix_web::http::Method;
use actix_web::http::header::{ALLOW, HeaderValue};
use actix_web::{FromRequest, Handler, Resource, Responder, ResponseError, guard, web};

use super::error::Code;
use super::problem::Problem;

/// The whole path of the address that a request was routed to, as it stands in `routes.rs`. It lies with the request: to find it
/// by the request's path would mean to route it twice.
pub struct Pattern(pub Rc<str>);

/// An address with its methods.
pub struct Address {
    path: &'static str,
    methods: Vec<Method>,
    resource: Resource,
}

/// An address of this path, without methods yet.
#[must_use]
pub fn at(path: &'static str) -> Address {
    Address { path, methods: Vec::new(), resource: web::resource(path) }
}

impl Address {
    /// Answers `GET`, and `HEAD` without the body.
    #[must_use]
    pub fn get<F, Args>(mut self, handler: F) -> Self
    where
        F: Handler<Args>,
        Args: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        let reads = guard::Any(guard::Get()).or(guard::Head());
        self.resource = self.resource.route(web::route().guard(reads).to(handler));
        self.methods.push(Method::GET);
        self
    }

    /// Answers `POST`.
    #[must_use]
    pub fn post<F, Args>(self, handler: F) -> Self
    where
        F: Handler<Args>,
        Args: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        self.method(Method::POST, handler)
    }

    /// Answers `PATCH`.
    #[must_use]
    pub fn patch<F, Args>(self, handler: F) -> Self
    where
        F: Handler<Args>,
        Args: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        self.method(Method::PATCH, handler)
    }

    /// Answers `DELETE`.
    #[must_use]
    pub fn delete<F, Args>(self, handler: F) -> Self
    where
        F: Handler<Args>,
        Args: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        self.method(Method::DELETE, handler)
    }

    fn method<F, Args>(mut self, method: Method, handler: F) -> Self
    where
        F: Handler<Args>,
        Args: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        self.resource = self.resource.route(web::method(method.clone()).to(handler));
        self.methods.push(method);
        self
    }

    /// Its methods and its path, for lists of routes.
    pub fn routes(&self) -> impl Iterator<Item = (Method, &'static str)> {
        self.methods.iter().map(|method| (method.clone(), self.path))
    }

    /// For `actix_web`, below this path.
    #[must_use]
    pub fn into_resource(self, below: &str) -> Resource {
        let allow = self.allow();
        let pattern = Pattern(format!("{below}{}", self.path).into());
        self.resource.app_data(pattern).default_service(web::to(move || {
            let mut refusal = Problem::new(Code::WrongMethod).error_response();
            refusal.headers_mut().insert(ALLOW, allow.clone());
            std::future::ready(refusal)
        }))
    }

    fn allow(&self) -> HeaderValue {
        let mut methods: Vec<&str> = self.methods.iter().map(Method::as_str).collect();
        if methods.contains(&"GET") {
            methods.push("HEAD");
        }
        // Names of methods are always a header value.
        HeaderValue::from_str(&methods.join(", ")).unwrap_or_else(|_| HeaderValue::from_static(""))
    }
}
