//! Scripts render the same as the server.

use std::time::Duration;

use muster::domain::Deal;
use serde_json::Value;

use super::chromium::{Chromium, Window};
use crate::support::outcomes::joined;
use crate::support::{TestApp, app};

const HEADLINE: &str = ".progress [data-part=headline]";

/// Fetches the page again, lets the script repaint each progress block of the copy, and returns the blocks that this
/// changes. The blocks of the open page cannot be used, because the script has already painted them.
const PAINT_AGAIN: &str = r#"
    const done = arguments[arguments.length - 1];
    const script = [...document.querySelectorAll("link[rel=modulepreload]")].find((l) => l.href.endsWith("/progress.js"));
    const seen = (block) => JSON.stringify([
        block.dataset.phase, block.querySelector("progress").value,
        ...[...block.querySelectorAll("[data-part]")].map((part) => [part.textContent, part.className.replace(" roll", "").replace("roll", "")]),
    ]);
    (async () => {
        const { ProgressBlock } = await import(script.href);
        const page = new DOMParser().parseFromString(await (await fetch(location.href)).text(), "text/html");
        const blocks = [...page.querySelectorAll("[data-figures]")].map((block) => document.adoptNode(block));
        const changed = [];
        for (const block of blocks) {
            const before = seen(block);
            new ProgressBlock(block).refresh();
            if (before !== seen(block)) changed.push(before + " became " + seen(block));
        }
        return blocks.length > 0 ? changed : ["the page has no block"];
    })().then(done, (error) => done([String(error)]));
"#;

async fn assert_paints_the_same(window: &Window, path: &str) {
    window.open(path).await;
    let changed = window.driver.execute_async(PAINT_AGAIN, Vec::<Value>::new()).await.unwrap();
    assert_eq!(changed.json(), &serde_json::json!([]), "{path}");
}

async fn add_buyers(app: &TestApp, deal: &Deal, buyers: u32) {
    for n in 0..buyers {
        let buyer = app.buyer(&format!("Pat{n}")).await;
        joined(app.engine_join(&buyer, deal.id, 1, "k").await);
    }
}

#[actix_web::test]
async fn scripts_paint_what_the_server_rendered_in_every_phase() {
    let app = app().start().await;
    let mo = app.merchant("Mo").await;
    let open = app.deal(&mo).tipping_point(1_234).cap(5_000).publish().await;
    let scheduled = app.deal(&mo).opens_in(Duration::from_hours(2)).publish().await;
    let almost = app.deal(&mo).tipping_point(5).publish().await;
    add_buyers(&app, &almost, 4).await;
    let tipped = app.deal(&mo).tipping_point(1).publish().await;
    add_buyers(&app, &tipped, 1).await;
    let sold_out = app.deal(&mo).tipping_point(2).cap(2).publish().await;
    add_buyers(&app, &sold_out, 2).await;
    let withdrawn = app.deal(&mo).publish().await;
    app.engine.withdraw(mo.merchant_id(), withdrawn.id, "Closed.").await.unwrap();
    let chromium = Chromium::start().await;
    let window = chromium.window(&app.url("")).await;
    assert_paints_the_same(&window, "/").await;
    for deal in [&open, &scheduled, &almost, &tipped, &sold_out, &withdrawn] {
        assert_paints_the_same(&window, &format!("/deals/{}", deal.id)).await;
    }
    app.clock.advance(Duration::from_hours(25)).await;
    for deal in [&open, &tipped] {
        assert_paints_the_same(&window, &format!("/deals/{}", deal.id)).await;
    }
    app.close_now().await;
    for deal in [&open, &tipped] {
        assert_paints_the_same(&window, &format!("/deals/{}", deal.id)).await;
    }
    window.close().await;
}

#[actix_web::test]
async fn an_open_page_shows_that_the_deal_sold_out_or_was_withdrawn() {
    let app = app().with_workers().start().await;
    let mo = app.merchant("Mo").await;
    let deal = app.deal(&mo).tipping_point(2).cap(2).publish().await;
    let chromium = Chromium::start().await;
    let window = chromium.window(&app.url("")).await;
    window.sign_up("buyer", "Ann", &format!("/deals/{}", deal.id)).await;
    window.open(&format!("/deals/{}", deal.id)).await;
    window.wait_for_text(HEADLINE, "2 more buyers needed").await;
    add_buyers(&app, &deal, 2).await;
    window.wait_for_text(HEADLINE, "Sold out").await;
    window.wait_for_text("#join", "Sold out: every coupon is taken.").await;
    let shown = window.find("form[data-join]").await.is_displayed().await.unwrap();
    assert!(!shown, "the join form is hidden");
    app.engine.withdraw(mo.merchant_id(), deal.id, "Closed.").await.unwrap();
    window.wait_for_text(HEADLINE, "Taken down").await;
    window.close().await;
}
