//! Error pages.

use crate::support::app;

#[actix_web::test]
async fn an_unknown_page_is_a_404_with_a_search() {
    let app = app().start().await;
    let mut browser = app.browser();
    for path in ["/nothing", "/deals/1", "/deals/0197f3b0-5c1e-7c3a-9d2b-1f0a6e4c8b5d", "/deals/x/y/z"] {
        let page = browser.get(path).await;
        assert_eq!(page.status, 404, "{path}");
        page.says("Not on the market");
        assert!(page.html.contains(r#"role="search""#), "{path}");
        assert!(page.header("content-security-policy").contains("default-src 'none'"));
    }
}

#[actix_web::test]
async fn an_unknown_api_route_is_a_problem_document() {
    let app = app().start().await;
    let answer = app.get("/api/v1/nothing").send().await.unwrap();
    assert_eq!(answer.status(), 404);
    assert_eq!(answer.headers()["content-type"], "application/problem+json");
}

#[actix_web::test]
async fn an_unsupported_method_gets_an_error_page() {
    let app = app().start().await;
    let page = app.browser().post("/my/deals", &[]).await;
    assert_eq!((page.status.as_u16(), page.header("allow")), (405, "GET, HEAD"));
    assert!(page.html.contains("<!doctype html>"));
}

#[actix_web::test]
async fn without_postgres_pages_answer_503_and_offer_a_retry() {
    let mut app = app().with_private_servers().start().await;
    let mut browser = app.browser();
    browser.get("/").await.says("The market is still empty");
    app.servers().postgres().unwrap().kill().await;
    let page = browser.get("/").await;
    assert_eq!(page.status, 503);
    page.says("We will be right back").says("Try again");
    assert!(!page.header("retry-after").is_empty());
}

#[actix_web::test]
async fn pages_work_without_redis() {
    let mut app = app().with_private_servers().start().await;
    let deal = app.deal(&app.merchant("Mo").await).tipping_point(3).publish().await;
    app.servers().redis().unwrap().kill().await;
    let path = format!("/deals/{}", deal.id);
    let mut ann = app.browser_of(&app.buyer("Ann").await).await;
    let page = ann.get(&path).await;
    page.says("3 more buyers needed");
    ann.submit_and_follow(&page, &format!("{path}/join"), &[]).await.says("You are buyer 1");
}
