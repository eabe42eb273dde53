//! `GET /pictures/{goods}/{seed}.svg`: a drawn picture. It follows from its address alone.

use std::cell::RefCell;
use std::rc::Rc;

use actix_web::http::header::CACHE_CONTROL;
use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;

use super::view::drawing::{Drawing, Goods};
use crate::recent::Recent;
use crate::web::content_coding::Coded;

/// How many pictures a thread keeps: those of a few pages of the market.
const KEPT_MAX: usize = 128;

thread_local! {
    static DRAWN: RefCell<Recent<(Goods, u8), Rc<Coded>>> = RefCell::new(Recent::new(KEPT_MAX));
}

/// `GET /pictures/{goods}/{seed}.svg`
pub async fn picture(request: HttpRequest, path: web::Path<(String, u8)>) -> HttpResponse {
    let (goods, seed) = path.into_inner();
    let Some(svg) = Goods::parse(&goods).and_then(|goods| drawn(goods, seed)) else {
        return HttpResponse::NotFound().finish();
    };
    let mut answer = HttpResponse::Ok();
    answer.content_type("image/svg+xml").insert_header((CACHE_CONTROL, "public, max-age=31536000"));
    svg.answer(&request, &mut answer)
}

fn drawn(goods: Goods, seed: u8) -> Option<Rc<Coded>> {
    DRAWN.with_borrow_mut(|drawn| {
        if let Some(known) = drawn.get(&(goods, seed)) {
            return Some(Rc::clone(known));
        }
        let svg = Rc::new(Coded::new(Drawing::new(goods, seed).render().ok()?));
        drawn.put((goods, seed), Rc::clone(&svg));
        Some(svg)
    })
}
