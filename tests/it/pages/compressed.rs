//! Compressed responses: the same content as uncompressed ones, and never stale.

use std::io::Read as _;

use crate::support::{TestApp, app};

/// The decoded body at this path, and its content coding.
async fn read(app: &TestApp, path: &str, accepted: &str) -> (String, Option<String>) {
    let answer = app.get(path).header("accept-encoding", accepted).send().await.unwrap();
    assert_eq!(answer.status(), 200, "{path}");
    assert_eq!(answer.headers()["vary"], "accept-encoding", "{path}");
    let coding = answer.headers().get("content-encoding").map(|coding| coding.to_str().unwrap().to_owned());
    let body = answer.bytes().await.unwrap();
    let mut text = Vec::new();
    match coding.as_deref() {
        Some("br") => brotli::BrotliDecompress(&mut &*body, &mut text).unwrap(),
        Some("gzip") => flate2::read::GzDecoder::new(&*body).read_to_end(&mut text).map(|_| ()).unwrap(),
        other => {
            assert_eq!(other, None);
            text.extend_from_slice(&body);
        }
    }
    (String::from_utf8(text).unwrap(), coding)
}

const ACCEPTED_BY_BROWSERS: &str = "gzip, deflate, br, zstd";

#[actix_web::test]
async fn files_and_pictures_are_identical_in_every_content_coding() {
    let app = app().start().await;
    let page = app.browser().get("/").await.html;
    let files = page.split('"').filter(|part| part.starts_with("/static/")).map(|url| url.split('#').next().unwrap());
    let paths: Vec<&str> = files.chain(["/pictures/coffee/7.svg"]).collect();
    assert!(paths.len() > 5, "{paths:?}");
    for path in paths {
        let (plain, coding) = read(&app, path, "identity").await;
        assert_eq!((plain.is_empty(), coding), (false, None), "{path}");
        assert_eq!(read(&app, path, "gzip").await, (plain.clone(), Some("gzip".into())), "{path}");
        assert_eq!(read(&app, path, ACCEPTED_BY_BROWSERS).await, (plain, Some("br".into())), "{path}");
    }
}

#[actix_web::test]
async fn compressed_pages_are_never_stale() {
    let app = app().start().await;
    let deal = app.deal(&app.merchant("Mo").await).tipping_point(10).publish().await;
    let path = format!("/deals/{}", deal.id);
    for n in 1..=5 {
        let buyer = app.buyer(&format!("Ann{n}")).await;
        app.engine_join(&buyer, deal.id, 1, "k").await;
        for path in [&*path, "/"] {
            for accepted in [ACCEPTED_BY_BROWSERS, "gzip", "identity"] {
                let (page, _) = read(&app, path, accepted).await;
                assert!(page.contains(&format!("{n} of 10 joined")), "{path}, {accepted}");
            }
        }
    }
}

#[actix_web::test]
async fn dynamic_responses_are_compressed_unless_they_are_short() {
    let app = app().start().await;
    for (path, says) in [("/sign-in", "Sign in"), ("/api/docs", "signups"), ("/api/openapi.json", "signups")] {
        let (page, coding) = read(&app, path, ACCEPTED_BY_BROWSERS).await;
        assert!(page.contains(says), "{path}");
        assert_eq!(coding.as_deref(), Some("gzip"), "{path}");
        assert_eq!(read(&app, path, "br").await.1, None, "{path}");
    }
    let nothing = app.get("/nothing").header("accept", "application/json").header("accept-encoding", "gzip");
    let answer = nothing.send().await.unwrap();
    assert_eq!((answer.status().as_u16(), answer.headers().get("content-encoding")), (404, None));
}
