//! `GET /api/docs`: the description for people, as a page of our own. It is made from the same document that programs read.

use actix_web::http::header::CACHE_CONTROL;
use actix_web::{HttpResponse, web};
use askama::Template;

use super::reading::{Group, Reading, Thing};
use crate::App;
use crate::domain::Role;
use crate::web::error::{Code, Meaning};
use crate::web::extract::MaybeSigned;
use crate::web::pages::view::{Shell, Viewer};
use crate::web::problem::Problem;

/// `GET /api/docs`
#[derive(Template)]
#[template(path = "api/docs.html")]
struct DocsPage {
    shell: Shell,
    reading: &'static Reading,
    problems: Vec<Meaning>,
    origin: String,
}

/// `GET /api/docs`
pub async fn show(app: web::Data<App>, viewer: MaybeSigned) -> Result<HttpResponse, Problem> {
    let viewer = viewer
        .0
        .map(|identity| Viewer { name: identity.name.to_string(), is_merchant: identity.role == Role::Merchant });
    let page = DocsPage {
        shell: Shell::new(viewer, None, "/api/docs", app.clock.now()),
        reading: Reading::of_the_document(),
        problems: Code::ALL.iter().map(|code| code.meaning()).collect(),
        origin: app.config.server.base_url.to_string(),
    };
    let html = page.render().map_err(|error| Problem::internal(&error))?;
    Ok(HttpResponse::Ok()
        .content_type("text/html; charset=utf-8")
        .insert_header((CACHE_CONTROL, "private, no-cache"))
        .body(html))
}

impl DocsPage {
    fn groups(&self) -> &'static [Group] {
        &self.reading.groups
    }

    fn things(&self) -> &'static [Thing] {
        &self.reading.things
    }
}
