//! Protection against cross-site requests, and limits on what a page may do.

use reqwest::header::{CONTENT_TYPE, COOKIE, ORIGIN};
use secrecy::ExposeSecret;

use crate::support::app;

#[actix_web::test]
async fn a_form_without_a_valid_csrf_token_is_refused() {
    let app = app().start().await;
    let deal = app.deal(&app.merchant("Mo").await).publish().await;
    let mut ann = app.browser_of(&app.buyer("Ann").await).await;
    let join = format!("/deals/{}/join", deal.id);
    let page = ann.get(&format!("/deals/{}", deal.id)).await;
    for token in ["", "0", &"0".repeat(32)] {
        let refused = ann.submit(&page, &join, &[("csrf_token", token)]).await;
        assert_eq!(refused.status, 403);
        refused.says("This is not for you");
    }
    let theirs = app.browser_of(&app.buyer("Bob").await).await.get("/account").await.field("/sign-out", "csrf_token");
    assert_eq!(ann.submit(&page, &join, &[("csrf_token", &theirs)]).await.status, 403, "another user's token");
    assert_eq!(app.store.deal(deal.id).await.unwrap().unwrap().progress.buyers, 0);
}

#[actix_web::test]
async fn a_form_of_another_site_is_refused() {
    let app = app().start().await;
    let ann = app.buyer("Ann").await;
    let session = app.auth.start_session(ann.id, None).await.unwrap();
    for (name, value) in [("origin", "https://evil.example"), ("sec-fetch-site", "cross-site")] {
        let answer = app.client.post(app.url("/sign-out")).header(name, value);
        let answer = answer.header(COOKIE, format!("muster={}", session.secret.expose_secret()));
        let answer = answer.header(CONTENT_TYPE, "application/x-www-form-urlencoded").body("csrf_token=x").send().await;
        assert_eq!(answer.unwrap().status(), 403, "{name}");
    }
}

#[actix_web::test]
async fn a_body_that_is_not_a_form_or_too_large_gets_an_error_page() {
    let app = app().start().await;
    let post = || app.client.post(app.url("/sign-in")).header(ORIGIN, app.url(""));
    let json = post().header(CONTENT_TYPE, "application/json").body("{}").send().await.unwrap();
    assert_eq!(json.status(), 415);
    let large = post().header(CONTENT_TYPE, "application/x-www-form-urlencoded");
    let large = large.body(format!("email={}", "x".repeat(200_000))).send().await.unwrap();
    assert_eq!(large.status(), 413);
    assert!(large.text().await.unwrap().contains("<!doctype html>"));
}

#[actix_web::test]
async fn pages_are_private_and_static_files_immutable() {
    let app = app().start().await;
    let mut browser = app.browser();
    let page = browser.get("/").await;
    assert_eq!(page.header("cache-control"), "private, no-cache");
    assert!(page.header("content-security-policy").contains("default-src 'none'"));
    assert!(!page.html.contains(" style=") && !page.html.contains("<style"));
    let sheet = page.html.split('"').find(|part| part.ends_with("app.css")).unwrap().to_owned();
    let first = browser.get(&sheet).await;
    assert!(first.header("cache-control").contains("immutable"), "{}", first.header("cache-control"));
    assert_eq!(first.header("content-type"), "text/css; charset=utf-8");
    let known = app.get(&sheet).header("if-none-match", first.header("etag")).send().await.unwrap();
    let vary = known.headers().get("vary").map(|vary| vary.to_str().unwrap());
    assert_eq!((known.status().as_u16(), vary), (304, Some("accept-encoding")));
    let older = browser.get("/static/000000000000/app.css").await;
    assert_eq!((older.status.as_u16(), older.header("cache-control")), (200, "no-cache"));
    assert_eq!(browser.get("/static/000000000000/../secret").await.status, 404);
}

#[actix_web::test]
async fn scripts_import_only_existing_scripts() {
    let app = app().start().await;
    let mut browser = app.browser();
    let page = browser.get("/").await;
    let scripts: Vec<String> =
        page.html.split('"').filter(|part| part.contains("/js/")).map(ToOwned::to_owned).collect();
    assert!(scripts.len() > 5);
    let mut imports = 0;
    for script in &scripts {
        let source = browser.get(script).await;
        assert_eq!(source.status, 200, "{script}");
        for import in source.html.lines().filter(|line| line.starts_with("import ")) {
            imports += 1;
            let name = import.split("\"./").nth(1).unwrap().trim_end_matches("\";");
            assert!(scripts.iter().any(|known| known.ends_with(&format!("/js/{name}"))), "{script}: {import}");
        }
    }
    assert!(imports > 5, "only {imports} imports were found");
}
