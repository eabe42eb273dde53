use std::time::Duration;

use muster::domain::{DealState, Refusal};
use muster::engine::WithdrawOutcome;

use super::with_redis_and_without;
use crate::support::outcomes::{joined, refused};

#[tokio::test]
async fn a_deal_is_taken_down_from_every_state_before_its_end_and_says_why() {
    for app in with_redis_and_without().await {
        let (mo, ann, bob) = (app.merchant("Mo").await, app.buyer("Ann").await, app.buyer("Bob").await);
        let draft = app.deal(&mo).draft().await.id;
        let open = app.deal(&mo).tipping_point(2).publish().await.id;
        let tipped = app.deal(&mo).tipping_point(1).publish().await.id;
        for deal in [open, tipped] {
            joined(app.join(&ann, deal, 1, "a").await);
        }
        for deal in [draft, open, tipped] {
            let WithdrawOutcome::Withdrawn(down) = app.engine.withdraw(mo.shop(), deal, "ill").await.unwrap() else {
                panic!("not withdrawn")
            };
            assert_eq!((down.progress.state, down.lifecycle.withdrawn_reason()), (DealState::Withdrawn, Some("ill")));
            let again = app.engine.withdraw(mo.shop(), deal, "another reason").await.unwrap();
            assert_eq!(again, WithdrawOutcome::Withdrawn(down), "the second time changes nothing");
        }
        for deal in [open, tipped] {
            assert_eq!(refused(app.join(&bob, deal, 1, "a").await), Refusal::Closed);
        }
        app.clock.advance(Duration::from_hours(48)).await;
        assert!(app.engine.close_due().await.unwrap().is_empty());
        app.deliver_now().await;
        app.assert_clean().await;
    }
}

#[tokio::test]
async fn an_ended_deal_stays_as_it_ended_and_others_cannot_take_it_down() {
    for app in with_redis_and_without().await {
        let (mo, jo) = (app.merchant("Mo").await, app.merchant("Jo").await);
        let deal = app.deal(&mo).publish().await.id;
        assert_eq!(app.engine.withdraw(jo.shop(), deal, "envy").await.unwrap(), WithdrawOutcome::NoSuchDeal);
        app.clock.advance(Duration::from_hours(48)).await;
        app.close_now().await;
        assert_eq!(app.engine.withdraw(mo.shop(), deal, "late").await.unwrap(), WithdrawOutcome::Ended);
        assert_eq!(app.progress(deal).await.state, DealState::Failed);
        app.assert_clean().await;
    }
}
