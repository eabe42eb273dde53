//! `GET /pictures/{goods}/{seed}.svg`: a drawn picture. It follows from its address alone.

use actix_web::http::header::CACHE_CONTROL;
use actix_web::{HttpResponse, web};
use askama::Template;

use super::view::drawing::{Drawing, Goods};

/// `GET /pictures/{goods}/{seed}.svg`
pub async fn picture(path: web::Path<(String, u8)>) -> HttpResponse {
    let (goods, seed) = path.into_inner();
    let drawing = Goods::parse(&goods).map(|goods| Drawing::new(goods, seed).render());
    match drawing {
        Some(Ok(svg)) => HttpResponse::Ok()
            .content_type("image/svg+xml")
            .insert_header((CACHE_CONTROL, "public, max-age=31536000"))
            .body(svg),
        _ => HttpResponse::NotFound().finish(),
    }
}
