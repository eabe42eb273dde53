//! The context of a page request: the visitor, the layout and the time.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpMessage, HttpRequest, web};
use chrono::{DateTime, Utc};
use serde::Deserialize;

use super::error::PageError;
use super::layout::{Layout, Viewer};
use crate::App;
use crate::limits::{Limit, Network, RateLimited};
use crate::people::Identity;
use crate::store::{Cursor, PageRequest};
use crate::web::paging::List;
use crate::web::problem::{Code, Problem};
use crate::web::request::{Caller, GatePass, csrf_token};

/// The context of a page request, as an extractor.
pub struct Context {
    /// The node's state.
    pub app: web::Data<App>,
    /// The sender of the request.
    pub caller: Caller,
    path: String,
}

impl FromRequest for Context {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let app = request.app_data::<web::Data<App>>().cloned();
        let caller = request.extensions().get::<GatePass>().map(|pass| pass.caller.clone());
        let context = app.zip(caller).map(|(app, caller)| Self { app, caller, path: request.path().to_owned() });
        ready(context.ok_or_else(|| Problem::new(Code::Internal)))
    }
}

impl Context {
    /// The signed-in visitor; none if nobody is signed in.
    #[must_use]
    pub fn visitor(&self) -> Option<&Identity> {
        self.caller.identity.as_ref()
    }

    /// The page's layout.
    #[must_use]
    pub fn layout(&self) -> Layout {
        let viewer = self.visitor().map(Viewer::from);
        let token = self.caller.session.filter(|_| viewer.is_some()).map(csrf_token);
        Layout::new(viewer, token, &self.path, self.now())
    }

    /// The current time by the node's clock.
    #[must_use]
    pub fn now(&self) -> DateTime<Utc> {
        self.app.clock.now()
    }

    /// The public base URL, for absolute links.
    #[must_use]
    pub fn origin(&self) -> &str {
        self.app.config.server.base_url.as_str()
    }

    /// The visitor as a buyer: anybody who is signed in.
    ///
    /// # Errors
    /// Nobody is signed in.
    pub fn buyer(&self) -> Result<&Identity, PageError> {
        self.signed_in()
    }

    /// The visitor, if they are staff of at least one merchant.
    ///
    /// # Errors
    /// Nobody is signed in, or the visitor is staff of no merchant.
    pub fn merchant(&self) -> Result<&Identity, PageError> {
        let identity = self.signed_in()?;
        if identity.staff_of.is_empty() { Err(PageError::forbidden(self.layout())) } else { Ok(identity) }
    }

    /// The signed-in visitor.
    ///
    /// # Errors
    /// Nobody is signed in.
    pub fn signed_in(&self) -> Result<&Identity, PageError> {
        self.visitor().ok_or_else(|| PageError::sign_in_first(&self.path))
    }

    /// Counts the request against each of these rate limits.
    ///
    /// # Errors
    /// A limit is used up.
    pub async fn within(&self, limits: impl IntoIterator<Item = Limit>) -> Result<(), PageError> {
        for limit in limits {
            if let Err(RateLimited { retry_after_s }) = self.app.limits.take(limit).await {
                return Err(PageError::too_many(self.layout(), retry_after_s));
            }
        }
        Ok(())
    }

    /// The network block of the client's address, by which rate limits count.
    #[must_use]
    pub fn client(&self) -> Network {
        self.caller.address.into()
    }

    /// The 404 for something that does not exist, or that this visitor may not know of.
    #[must_use]
    pub fn not_found(&self) -> PageError {
        PageError::not_found(self.layout())
    }
}

/// A new idempotency key for a form, so that submitting it twice takes effect once.
#[must_use]
pub fn fresh_key() -> String {
    uuid::Uuid::now_v7().to_string()
}

/// The query of a paginated page.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct PageQuery {
    cursor: String,
}

impl PageQuery {
    /// The request for a page of the list at `path`. An invalid cursor starts at the first page.
    #[must_use]
    pub fn request(&self, path: &str, limit: u32) -> PageRequest {
        PageRequest { limit, cursor: List::new(path, &[]).read(&self.cursor) }
    }

    /// The URL of the page that begins at this cursor.
    #[must_use]
    pub fn url(path: &str, cursor: Cursor) -> String {
        format!("{path}?cursor={}", List::new(path, &[]).write(cursor))
    }
}
