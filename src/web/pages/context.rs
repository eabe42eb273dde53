//! What every page's handler begins with: who is looking, at what, and when.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpMessage, HttpRequest, web};
use chrono::{DateTime, Utc};
use serde::Deserialize;

use super::error::PageError;
use super::typed::form_token;
use super::view::{Shell, Viewer};
use crate::App;
use crate::domain::{Identity, Role};
use crate::limits::{Limit, Network, RateLimited};
use crate::store::{Cursor, PageRequest};
use crate::web::api::paging::List;
use crate::web::error::Code;
use crate::web::extract::Caller;
use crate::web::problem::Problem;

/// A page that is being asked for.
pub struct Context {
    /// Muster.
    pub app: web::Data<App>,
    /// Who asks, and from where.
    pub caller: Caller,
    path: String,
}

impl FromRequest for Context {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let app = request.app_data::<web::Data<App>>().cloned();
        let caller = request.extensions().get::<Caller>().cloned();
        let context = app.zip(caller).map(|(app, caller)| Self { app, caller, path: request.path().to_owned() });
        ready(context.ok_or_else(|| Problem::new(Code::Internal)))
    }
}

impl Context {
    /// Who looks, if they are signed in.
    #[must_use]
    pub fn visitor(&self) -> Option<&Identity> {
        self.caller.identity.as_ref()
    }

    /// What surrounds the page.
    #[must_use]
    pub fn shell(&self) -> Shell {
        let viewer = self.visitor().map(|identity| Viewer::new(&*identity.name, identity.role));
        let token = self.caller.session.filter(|_| viewer.is_some()).map(form_token);
        Shell::new(viewer, token, &self.path, self.now())
    }

    /// The moment that the page shows.
    #[must_use]
    pub fn now(&self) -> DateTime<Utc> {
        self.app.clock.now()
    }

    /// Where Muster is reached, for links that leave the page.
    #[must_use]
    pub fn origin(&self) -> &str {
        self.app.config.server.base_url.as_str()
    }

    /// The buyer who looks.
    ///
    /// # Errors
    /// Nobody is signed in, or somebody who is no buyer.
    pub fn buyer(&self) -> Result<&Identity, PageError> {
        self.of(Role::Buyer)
    }

    /// The merchant who looks.
    ///
    /// # Errors
    /// Nobody is signed in, or somebody who is no merchant.
    pub fn merchant(&self) -> Result<&Identity, PageError> {
        self.of(Role::Merchant)
    }

    /// Whoever looks.
    ///
    /// # Errors
    /// Nobody is signed in.
    pub fn somebody(&self) -> Result<&Identity, PageError> {
        self.visitor().ok_or_else(|| PageError::sign_in_first(&self.path))
    }

    /// Takes one from each of these limits.
    ///
    /// # Errors
    /// One of them is used up.
    pub async fn within(&self, limits: impl IntoIterator<Item = Limit>) -> Result<(), PageError> {
        for limit in limits {
            if let Err(RateLimited { retry_after_s }) = self.app.limits.take(limit).await {
                return Err(PageError::too_many(self.shell(), retry_after_s));
            }
        }
        Ok(())
    }

    /// Where the request comes from, for limits.
    #[must_use]
    pub fn from(&self) -> Network {
        self.caller.address.into()
    }

    fn of(&self, role: Role) -> Result<&Identity, PageError> {
        let identity = self.somebody()?;
        if identity.role == role { Ok(identity) } else { Err(PageError::forbidden(self.shell())) }
    }

    /// That there is nothing here, or nothing that this visitor may know of.
    #[must_use]
    pub fn not_found(&self) -> PageError {
        PageError::not_found(self.shell())
    }
}

/// A name for the next request of a form: whoever sends the form twice makes one request.
#[must_use]
pub fn fresh_key() -> String {
    uuid::Uuid::now_v7().to_string()
}

/// Where in a list a page begins.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct PageQuery {
    cursor: String,
}

impl PageQuery {
    /// At most so many things of the list at this path, from where the last page ended. A cursor that is none of the list's
    /// begins anew.
    #[must_use]
    pub fn request(&self, path: &str, limit: u32) -> PageRequest {
        PageRequest { limit, cursor: List::new(path, &[]).read(&self.cursor) }
    }

    /// The address of the page of the list at this path that begins here.
    #[must_use]
    pub fn address(path: &str, begin: Cursor) -> String {
        format!("{path}?cursor={}", List::new(path, &[]).write(begin))
    }
}
