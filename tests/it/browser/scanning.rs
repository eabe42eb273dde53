//! Scanning a coupon with a phone's camera.

use serde_json::{Value, json};

use super::chromium::{Chromium, Window};
use crate::support::app;
use crate::support::fault::wait_until;

const LINK: &str = "/c#7K3M9Q2XB5VT0HJC4";
const CODE: &str = "7K3M-9Q2X-B5VT-0HJC-4";

async fn evaluate(window: &Window, script: &str) -> Value {
    window.driver.execute(script, Vec::<Value>::new()).await.unwrap().json().clone()
}

#[actix_web::test]
async fn a_scanned_coupon_shows_its_code_without_sending_it() {
    let app = app().start().await;
    let chromium = Chromium::start().await;
    let window = chromium.window(&app.url("")).await;
    window.open(LINK).await;
    window.wait_for_text("[data-coupon] code", CODE).await;
    let requests =
        "return performance.getEntries().filter((entry) => entry.entryType === 'resource').map((entry) => entry.name)";
    let requests = evaluate(&window, requests).await.to_string();
    assert!(requests.contains("coupon.js") && !requests.contains("7K3M"), "{requests}");
    // Another fragment on the same page, then a fragment that is not a code.
    window.open("/c#00000000000000000").await;
    window.wait_for_text("[data-coupon] code", "0000-0000-0000-0000-0").await;
    window.open("/c#%3Cb%3Enot a code").await;
    window.find("[data-coupon][hidden]").await;
    window.close().await;
}

#[actix_web::test]
async fn a_merchants_scan_fills_the_code_into_the_form() {
    let app = app().start().await;
    let chromium = Chromium::start().await;
    let window = chromium.window(&app.url("")).await;
    window.sign_up("merchant", "Mo", "/merchant").await;
    window.open(LINK).await;
    window.wait_for_text("[data-coupon] code", CODE).await;
    window.click("[data-till]").await;
    window.find("input[name=till]").await;
    let value = "return document.querySelector('[name=code]').value";
    wait_until("the script has filled the field in", async || evaluate(&window, value).await == json!(CODE)).await;
    window.close().await;
}

#[actix_web::test]
async fn without_scripts_the_scan_page_says_where_the_code_is() {
    let app = app().start().await;
    let chromium = Chromium::start().await;
    let window = chromium.window_without_scripts(&app.url("")).await;
    window.open(LINK).await;
    window.wait_for_text("main", "The code stands in the address of this page").await;
    window.close().await;
}
