//! The transitions of a deal exist in Rust and in SQL: every pair of state and event is tried in both.

use chrono::{DateTime, Utc};
use muster::domain::{Deal, DealEvent, DealState, Lifecycle, NoSuchTransition};
use muster::store::StoreError;

use crate::support::people::join_request;
use crate::support::{self, Person, TestApp};

const EVENTS: [DealEvent; 4] = [DealEvent::Publish, DealEvent::Tip, DealEvent::Close, DealEvent::Withdraw];

/// A deal in this state that the next buyer would tip. Its window is over if the event is `Close`.
async fn deal_in(app: &TestApp, mo: &Person, state: DealState, event: DealEvent) -> Deal {
    let deal = app.deal(mo).tipping_point(1).draft().await;
    let hours = if event == DealEvent::Close { 48 } else { 0 };
    let tipped = matches!(state, DealState::Tipped | DealState::Succeeded);
    let put = format!(
        "UPDATE deals
            SET state = '{word}', opens_at = opens_at - interval '{hours} hours', closes_at = closes_at - interval '{hours} hours',
                published_at = CASE WHEN {published} THEN muster_now() END,
                tipped_at = CASE WHEN {tipped} THEN muster_now() END,
                ended_at = CASE WHEN {ended} THEN muster_now() END,
                withdrawn_reason = CASE WHEN {withdrawn} THEN 'ill' END
          WHERE id = '{id}'",
        word = state.as_str(),
        published = state != DealState::Draft,
        ended = state.is_final(),
        withdrawn = state == DealState::Withdrawn,
        id = deal.id,
    );
    app.backend.sql(&put).await;
    deal
}

/// The transition in the domain, at the time that the row has.
fn expected(before: Lifecycle, event: DealEvent, after: &Lifecycle) -> Result<Lifecycle, NoSuchTransition> {
    let at = |time: Option<DateTime<Utc>>| time.unwrap_or_default();
    match event {
        DealEvent::Publish => before.publish(at(after.published_at())),
        DealEvent::Tip => before.tip(at(after.tipped_at())),
        DealEvent::Close => before.close(at(after.ended_at())),
        DealEvent::Withdraw => before.withdraw(at(after.ended_at()), "ill again".to_owned()),
    }
}

#[tokio::test]
async fn sql_and_the_domain_allow_the_same_transitions() {
    let app = support::app().start().await;
    let (mo, ann) = (app.merchant("Mo").await, app.buyer("Ann").await);
    let lifecycle = async |deal| app.store.deal(deal).await.unwrap().unwrap().lifecycle;
    for state in DealState::ALL {
        for event in EVENTS {
            let deal = deal_in(&app, &mo, state, event).await.id;
            let before = lifecycle(deal).await;
            assert_eq!(before.state(), state);
            match event {
                DealEvent::Publish => {
                    let _outcome = app.store.publish_deal(mo.merchant_id(), deal).await.unwrap();
                }
                DealEvent::Withdraw => {
                    let _outcome = app.store.withdraw_deal(mo.merchant_id(), deal, "ill again").await.unwrap();
                }
                DealEvent::Close => {
                    let _outcome = app.store.close_due_deals(100).await.unwrap();
                }
                DealEvent::Tip => {
                    let mut lane = app.store.lane_connection();
                    drop(lane.commit_signups(&[join_request(&ann, deal, 1, "a")]).await.unwrap());
                }
            }
            let after = lifecycle(deal).await;
            let expected = expected(before.clone(), event, &after).unwrap_or(before);
            assert_eq!(after, expected, "{state:?} after {event:?}");
            assert_eq!(app.progress(deal).await.state, after.state());
        }
    }
}

/// Replaces the SQL function `name` by one with this body.
async fn replace(app: &TestApp, name: &str, arguments: &str, body: &str) {
    let replaced = format!(
        "CREATE OR REPLACE FUNCTION {name}({arguments}) RETURNS deal_change LANGUAGE plpgsql VOLATILE AS $$
         DECLARE was deals%ROWTYPE; became deals%ROWTYPE; answer deal_change;
         BEGIN
            SELECT * INTO was FROM deals WHERE id = deal_id FOR NO KEY UPDATE;
            {body}
         END $$"
    );
    app.backend.sql(&replaced).await;
}

#[tokio::test]
async fn an_sql_function_that_contradicts_the_domain_is_reported_as_broken() {
    let app = support::app().start().await;
    let mo = app.merchant("Mo").await;
    let draft = app.deal(&mo).draft().await.id;
    let contradicts = |error| matches!(error, StoreError::Broken(_));

    replace(&app, "publish_deal", "deal_id uuid, merchant_id uuid", "RETURN deal_changed('ok', was, was.rev);").await;
    assert!(
        contradicts(app.store.publish_deal(mo.merchant_id(), draft).await.unwrap_err()),
        "published, and still a draft"
    );
    let body = "answer.outcome := 'not_draft'; RETURN answer;";
    replace(&app, "publish_deal", "deal_id uuid, merchant_id uuid", body).await;
    assert!(
        contradicts(app.store.publish_deal(mo.merchant_id(), draft).await.unwrap_err()),
        "a draft is reported as not a draft"
    );

    let body = "answer.outcome := 'ended'; RETURN answer;";
    replace(&app, "withdraw_deal", "deal_id uuid, merchant_id uuid, reason text", body).await;
    assert!(
        contradicts(app.store.withdraw_deal(mo.merchant_id(), draft, "ill").await.unwrap_err()),
        "a draft is reported as ended"
    );
}
