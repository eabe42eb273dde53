//! Filters and pagination of lists.

use chrono::{DateTime, Utc};
use muster::store::Cursor;
use muster::web::paging::List;
use serde_json::{Value, json};

use super::{Answer, send};
use crate::support::outcomes::joined;
use crate::support::{self, Person, TestApp};

fn titles(answer: &Answer) -> Vec<&str> {
    answer.body["data"].as_array().unwrap().iter().map(|deal| deal["title"].as_str().unwrap()).collect()
}

async fn deal(app: &TestApp, merchant: &Person, title: &str, city: Option<&str>) {
    let deal = app.deal(merchant).with(|form| {
        title.clone_into(&mut form.title);
        form.city = city.map(ToOwned::to_owned);
    });
    deal.publish().await;
}

#[tokio::test]
async fn deals_are_filtered_by_state_city_and_text() {
    let app = support::app().start().await;
    let mo = app.merchant("Mo").await;
    deal(&app, &mo, "Pottery", Some("Berlin")).await;
    deal(&app, &mo, "Sushi 50%", Some("Tokyo")).await;
    app.deal(&mo).with(|form| form.title = "Secret".to_owned()).draft().await;
    let tipped = app.deal(&mo).with(|form| form.title = "Sailing".to_owned()).tipping_point(1).publish().await;
    joined(app.engine_join(&app.buyer("Ann").await, tipped.id, 1, "a").await);

    assert_eq!(titles(&send(app.get("/api/v1/deals")).await).len(), 3, "drafts are not listed");
    assert_eq!(titles(&send(app.get("/api/v1/deals?city=Tokyo")).await), ["Sushi 50%"]);
    assert_eq!(titles(&send(app.get("/api/v1/deals?q=SUSHI")).await), ["Sushi 50%"]);
    assert_eq!(titles(&send(app.get("/api/v1/deals?q=0%25")).await), ["Sushi 50%"], "% is not a wildcard");
    assert_eq!(titles(&send(app.get("/api/v1/deals?state=tipped&state=failed")).await), ["Sailing"]);
    assert_eq!(titles(&send(app.get("/api/v1/deals?state=draft")).await).len(), 0);
    assert_eq!(send(app.get("/api/v1/deals?state=cancelled")).await.code(), "bad_query");
}

#[tokio::test]
async fn merchants_list_their_own_deals_including_drafts() {
    let app = support::app().start().await;
    let (mo, jo, ann) = (app.merchant("Mo").await, app.merchant("Jo").await, app.buyer("Ann").await);
    deal(&app, &mo, "Published", None).await;
    app.deal(&mo).with(|form| form.title = "Draft".to_owned()).draft().await;
    deal(&app, &jo, "Somebody else's", None).await;
    assert_eq!(titles(&send(mo.get("/api/v1/deals?mine=true")).await), ["Draft", "Published"]);
    assert_eq!(send(app.get("/api/v1/deals?mine=true")).await.code(), "not_signed_in");
    assert_eq!(send(ann.get("/api/v1/deals?mine=true")).await.code(), "wrong_role");
}

#[tokio::test]
async fn the_pages_of_a_list_contain_every_item_once() {
    let app = support::app().start().await;
    let mo = app.merchant("Mo").await;
    for n in 0..7 {
        deal(&app, &mo, &format!("Deal {n}"), None).await;
    }
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = send(app.get(&format!("/api/v1/deals?limit=3{cursor}"))).await;
        seen.extend(titles(&page).into_iter().map(ToOwned::to_owned));
        match page.body["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    seen.sort();
    assert_eq!(seen, (0..7).map(|n| format!("Deal {n}")).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_cursor_is_valid_only_for_the_list_that_issued_it() {
    let app = support::app().start().await;
    let (mo, ann) = (app.merchant("Mo").await, app.buyer("Ann").await);
    for n in 0..3 {
        deal(&app, &mo, &format!("Deal {n}"), None).await;
    }
    let page = send(app.get("/api/v1/deals?limit=1")).await;
    let cursor = page.body["next_cursor"].as_str().unwrap();
    assert_eq!(send(app.get(&format!("/api/v1/deals?cursor={cursor}"))).await.status, 200);
    assert_eq!(send(app.get(&format!("/api/v1/deals?city=Berlin&cursor={cursor}"))).await.code(), "bad_cursor");
    assert_eq!(send(ann.get(&format!("/api/v1/signups?cursor={cursor}"))).await.code(), "bad_cursor");
    for cursor in ["x", "AAAA", "%00", "!!", &cursor[1..]] {
        let answer = send(app.get(&format!("/api/v1/deals?cursor={cursor}"))).await;
        assert!(matches!(answer.code(), "bad_cursor" | "bad_query"), "{cursor}");
    }
}

/// The content of a cursor is not secret, so a client can forge one with a time that Postgres cannot represent.
#[tokio::test]
async fn a_forged_cursor_is_rejected() {
    let app = support::app().start().await;
    let ann = app.buyer("Ann").await;
    for at in [DateTime::<Utc>::MIN_UTC, DateTime::<Utc>::MAX_UTC] {
        let cursor = List::new("signups", &[]).write(Cursor { at, id: uuid::Uuid::nil() });
        let answer = send(ann.get(&format!("/api/v1/signups?cursor={cursor}"))).await;
        assert_eq!((answer.status, answer.code()), (400, "bad_cursor"));
        let page = ann.get(&format!(
            "/my/deals?cursor={}",
            List::new("/my/deals", &[]).write(Cursor { at, id: uuid::Uuid::nil() })
        ));
        assert!(page.send().await.unwrap().status().as_u16() < 500);
    }
}

#[tokio::test]
async fn buyers_list_their_own_signups_and_merchants_those_of_their_deals() {
    let app = support::app().start().await;
    let (mo, ann, bob) = (app.merchant("Mo").await, app.buyer("Ann").await, app.buyer("Bob").await);
    let deal = app.deal(&mo).publish().await;
    ann.post_join(deal.id, 2, "a").await;
    bob.post_join(deal.id, 1, "b").await;

    let mine = send(ann.get("/api/v1/signups")).await;
    assert_eq!(mine.body["data"].as_array().unwrap().len(), 1);
    assert_eq!((&mine.body["data"][0]["deal"], &mine.body["data"][0]["units"]), (&json!(deal.id), &json!(2)));
    assert_eq!(mine.body["next_cursor"], Value::Null);

    let joined = send(mo.get(&format!("/api/v1/deals/{}/signups", deal.id))).await;
    let names: Vec<_> =
        joined.body["data"].as_array().unwrap().iter().map(|one| (&one["buyer_name"], &one["number"])).collect();
    assert_eq!(names, [(&json!("Ann"), &json!(1)), (&json!("Bob"), &json!(2))]);
}
