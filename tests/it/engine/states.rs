//! The table of states is written twice, in Rust and in SQL: every pair of state and event is tried in both.

use muster::domain::{Deal, DealEvent, DealState};

use crate::support::people::wish;
use crate::support::{self, Person, TestApp};

const EVENTS: [DealEvent; 4] = [DealEvent::Publish, DealEvent::Tip, DealEvent::Close, DealEvent::Withdraw];

/// A deal in this state, whose next buyer would tip it; and its window is over if that is what it is about.
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
    app.home.sql(&put).await;
    deal
}

#[tokio::test]
async fn sql_knows_the_same_changes_of_state_as_the_domain() {
    let app = support::app().start().await;
    let (mo, ann) = (app.merchant("Mo").await, app.buyer("Ann").await);
    for state in DealState::ALL {
        for event in EVENTS {
            let deal = deal_in(&app, &mo, state, event).await.id;
            match event {
                DealEvent::Publish => drop(app.store.publish_deal(mo.id, deal).await.unwrap()),
                DealEvent::Withdraw => drop(app.store.withdraw_deal(mo.id, deal, "ill").await.unwrap()),
                DealEvent::Close => drop(app.store.close_due_deals(100).await.unwrap()),
                DealEvent::Tip => {
                    let mut lane = app.store.lane_connection();
                    drop(lane.commit_signups(&[wish(&ann, deal, 1, "a")]).await.unwrap());
                }
            }
            let expected = state.after(event).unwrap_or(state);
            assert_eq!(app.progress(deal).await.state, expected, "{state:?} after {event:?}");
        }
    }
}
