//! Static files (stylesheet, scripts, icons, pictures), embedded in the binary.
//!
//! Owns their URLs: `/static/<digest>/<path>`. The digest covers all files together, so a script that imports another
//! by its relative path gets the version that belongs to it. A file under the current digest never changes and may be
//! cached for ever. A request with another digest comes from an older page, or from a page of another version during an
//! upgrade. It gets the current file with `no-cache`.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::LazyLock;

use actix_web::http::header::{CACHE_CONTROL, ETAG, IF_NONE_MATCH};
use actix_web::{HttpRequest, HttpResponse, web};
use rust_embed::RustEmbed;
use sha2::{Digest, Sha256};

use super::content_coding::{CompressedBody, VARY_ACCEPT_ENCODING};
use super::words;

#[derive(RustEmbed)]
#[folder = "$CARGO_MANIFEST_DIR/src/web/static"]
struct Files;

/// The path of the script that is generated from [`words`], so that server and browser use the same sentences.
const SENTENCES: &str = "js/sentences.js";

struct Assets {
    digest: String,
    files: BTreeMap<String, CompressedBody>,
}

static ASSETS: LazyLock<Assets> = LazyLock::new(|| {
    let mut files: BTreeMap<String, CompressedBody> = Files::iter()
        .filter_map(|path| {
            let content = Files::get(&path)?.data.into_owned();
            Some((path.into_owned(), CompressedBody::new(content)))
        })
        .collect();
    files.insert(SENTENCES.to_owned(), CompressedBody::new(words::as_module()));
    let mut hash = Sha256::new();
    for (path, content) in &files {
        hash.update(path);
        hash.update(content.identity());
    }
    let digest = hash.finalize().iter().take(6).fold(String::new(), |mut hex, byte| {
        // Writing to a `String` cannot fail.
        write!(hex, "{byte:02x}").ok();
        hex
    });
    Assets { digest, files }
});

/// The URL of a static file, such as `app.css`.
#[must_use]
pub fn url(path: &str) -> String {
    format!("/static/{}/{path}", ASSETS.digest)
}

/// The URL of the bundled picture with this name; see `static/pictures/`.
#[must_use]
pub fn picture(name: &str) -> Option<String> {
    let path = format!("pictures/{name}.svg");
    ASSETS.files.contains_key(&path).then(|| url(&path))
}

/// The path of every script. The layout preloads them all, so that imports do not wait for each other.
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
    let mut response = if known { HttpResponse::NotModified() } else { HttpResponse::Ok() };
    response.insert_header((CACHE_CONTROL, caching)).insert_header((ETAG, etag));
    if known {
        return response.insert_header(VARY_ACCEPT_ENCODING).finish();
    }
    response.content_type(media_type(&path));
    content.respond(&request, &mut response)
}

fn media_type(path: &str) -> &'static str {
    match path.rsplit_once('.').map(|(_, extension)| extension) {
        Some("css") => "text/css; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("svg") => "image/svg+xml",
        _ => "application/octet-stream",
    }
}
