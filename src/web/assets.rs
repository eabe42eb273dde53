//! The stylesheet, the scripts and the icons, served from the binary; and the words that the scripts say.
//!
//! Owns the addresses of static files: `/static/<digest>/<path>`, where the digest is of all of them together, so that a
//! module may import another by its relative name and still get the version that belongs to it. What is asked for under the
//! present digest never changes and may be kept for ever; under another one (an older page, another node during an
//! upgrade) the present file is answered, to be asked for again.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::LazyLock;

use actix_web::http::header::{CACHE_CONTROL, ETAG, IF_NONE_MATCH};
use actix_web::{HttpRequest, HttpResponse, web};
use rust_embed::RustEmbed;
use sha2::{Digest, Sha256};

use super::content_coding::{Coded, VARIES};
use super::words;

#[derive(RustEmbed)]
#[folder = "$CARGO_MANIFEST_DIR/src/web/static"]
struct Files;

/// No file: made of what the server says itself, so that both say the same.
const WORDS: &str = "js/sentences.js";

struct Assets {
    digest: String,
    files: BTreeMap<String, Coded>,
}

static ASSETS: LazyLock<Assets> = LazyLock::new(|| {
    let mut files: BTreeMap<String, Coded> = Files::iter()
        .filter_map(|path| {
            let content = Files::get(&path)?.data.into_owned();
            Some((path.into_owned(), Coded::new(content)))
        })
        .collect();
    files.insert(WORDS.to_owned(), Coded::new(words::as_module()));
    let mut hash = Sha256::new();
    for (path, content) in &files {
        hash.update(path);
        hash.update(content.identity());
    }
    let digest = hash.finalize().iter().take(6).fold(String::new(), |mut hex, byte| {
        // Writing to a string cannot fail.
        write!(hex, "{byte:02x}").ok();
        hex
    });
    Assets { digest, files }
});

/// The address of a static file, such as `app.css`.
#[must_use]
pub fn url(path: &str) -> String {
    format!("/static/{}/{path}", ASSETS.digest)
}

/// The address of the picture of this name, if Muster ships one: see `static/pictures/`.
#[must_use]
pub fn picture(name: &str) -> Option<String> {
    let path = format!("pictures/{name}.svg");
    ASSETS.files.contains_key(&path).then(|| url(&path))
}

/// Every script, for the page to announce before the first one asks for the others.
pub fn modules() -> impl Iterator<Item = &'static str> {
    ASSETS.files.keys().map(String::as_str).filter(|path| path.starts_with("js/"))
}

/// `GET /static/{digest}/{path}`
pub async fn serve(request: HttpRequest, path: web::Path<(String, String)>) -> HttpResponse {
    let (digest, path) = path.into_inner();
    let Some(content) = ASSETS.files.get(&path) else {
        return HttpResponse::NotFound().finish();
    };
    let etag = format!("\"{}\"", ASSETS.digest);
    let caching = if digest == ASSETS.digest { "public, max-age=31536000, immutable" } else { "no-cache" };
    let known = request.headers().get(IF_NONE_MATCH).is_some_and(|seen| seen.as_bytes() == etag.as_bytes());
    let mut answer = if known { HttpResponse::NotModified() } else { HttpResponse::Ok() };
    answer.insert_header((CACHE_CONTROL, caching)).insert_header((ETAG, etag));
    if known {
        return answer.insert_header(VARIES).finish();
    }
    answer.content_type(media_type(&path));
    content.answer(&request, &mut answer)
}

fn media_type(path: &str) -> &'static str {
    match path.rsplit_once('.').map(|(_, extension)| extension) {
        Some("css") => "text/css; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("svg") => "image/svg+xml",
        _ => "application/octet-stream",
    }
}
