//! `GET /api/docs`: the API documentation for people, rendered from the OpenAPI document.

use actix_web::http::header::CACHE_CONTROL;
use actix_web::{HttpResponse, web};
use askama::Template;

use super::docs::{ApiDocs, Group, Schema};
use crate::App;
use crate::web::page::{Layout, Viewer};
use crate::web::problem::Problem;
use crate::web::problem::{Code, Meaning};
use crate::web::request::MaybeSignedIn;

#[derive(Template)]
#[template(path = "api/docs.html")]
struct DocsPage {
    layout: Layout,
    docs: &'static ApiDocs,
    problems: Vec<Meaning>,
    origin: String,
}

/// `GET /api/docs`
pub async fn show(app: web::Data<App>, viewer: MaybeSignedIn) -> Result<HttpResponse, Problem> {
    let viewer = viewer.0.as_ref().map(Viewer::from);
    let page = DocsPage {
        layout: Layout::new(viewer, None, "/api/docs", app.clock.now()),
        docs: ApiDocs::get(),
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
        &self.docs.groups
    }

    fn schemas(&self) -> &'static [Schema] {
        &self.docs.schemas
    }
}
