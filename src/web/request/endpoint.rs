//! Endpoints: a path with its methods, the building block of `routes.rs`.
//!
//! An endpoint answers 405 with an `Allow` header to other methods, and answers `HEAD` wherever it answers `GET`. It
//! can be listed, so that tests can walk every route.

use std::rc::Rc;

use actix_web::http::Method;
use actix_web::http::header::{ALLOW, HeaderValue};
use actix_web::{FromRequest, Handler, Resource, Responder, ResponseError, guard, web};

use crate::web::problem::{Code, Problem};

/// The full pattern of the endpoint that a request was routed to, such as `/api/v1/deals/{id}`. The endpoint carries
/// it, because `HttpRequest::match_pattern` would route the path a second time.
pub struct Pattern(pub Rc<str>);

/// A path with its methods.
pub struct Endpoint {
    path: &'static str,
    methods: Vec<Method>,
    resource: Resource,
}

/// An endpoint at this path, without methods.
#[must_use]
pub fn at(path: &'static str) -> Endpoint {
    Endpoint { path, methods: Vec::new(), resource: web::resource(path) }
}

impl Endpoint {
    /// Handles `GET`, and `HEAD` without the body.
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

    /// Handles `POST`.
    #[must_use]
    pub fn post<F, Args>(self, handler: F) -> Self
    where
        F: Handler<Args>,
        Args: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        self.method(Method::POST, handler)
    }

    /// Handles `PATCH`.
    #[must_use]
    pub fn patch<F, Args>(self, handler: F) -> Self
    where
        F: Handler<Args>,
        Args: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        self.method(Method::PATCH, handler)
    }

    /// Handles `DELETE`.
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

    /// Each method with the path; `HEAD` is not listed.
    pub fn routes(&self) -> impl Iterator<Item = (Method, &'static str)> {
        self.methods.iter().map(|method| (method.clone(), self.path))
    }

    /// The `actix_web` resource. `prefix` is the path of the scope that it is added to.
    #[must_use]
    pub fn into_resource(self, prefix: &str) -> Resource {
        let allow = self.allow();
        let pattern = Pattern(format!("{prefix}{}", self.path).into());
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
        // Method names are valid header values.
        HeaderValue::from_str(&methods.join(", ")).unwrap_or_else(|_| HeaderValue::from_static(""))
    }
}
