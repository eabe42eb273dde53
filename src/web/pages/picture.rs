//! `GET /pictures/{goods}/{seed}.svg`: a generated picture, which depends only on its path.

use std::cell::RefCell;
use std::rc::Rc;

use actix_web::http::header::CACHE_CONTROL;
use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;

use super::view::drawing::{Drawing, Goods};
use crate::recent::Recent;
use crate::web::content_coding::CompressedBody;

/// Maximum pictures that a thread caches: enough for a few home pages.
const CACHED_MAX: usize = 128;

thread_local! {
    static CACHE: RefCell<Recent<(Goods, u8), Rc<CompressedBody>>> = RefCell::new(Recent::new(CACHED_MAX));
}

/// `GET /pictures/{goods}/{seed}.svg`
pub async fn picture(request: HttpRequest, path: web::Path<(String, u8)>) -> HttpResponse {
    let (goods, seed) = path.into_inner();
    let Some(svg) = Goods::parse(&goods).and_then(|goods| drawing(goods, seed)) else {
        return HttpResponse::NotFound().finish();
    };
    let mut response = HttpResponse::Ok();
    response.content_type("image/svg+xml").insert_header((CACHE_CONTROL, "public, max-age=31536000"));
    svg.respond(&request, &mut response)
}

fn drawing(goods: Goods, seed: u8) -> Option<Rc<CompressedBody>> {
    CACHE.with_borrow_mut(|cache| {
        if let Some(cached) = cache.get(&(goods, seed)) {
            return Some(Rc::clone(cached));
        }
        let svg = Rc::new(CompressedBody::new(Drawing::new(goods, seed).render().ok()?));
        cache.put((goods, seed), Rc::clone(&svg));
        Some(svg)
    })
}
