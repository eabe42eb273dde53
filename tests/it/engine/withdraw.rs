use std::time::Duration;

use muster::domain::{DealState, Refusal};
use muster::engine::WithdrawOutcome;

use super::with_redis_and_without;
use crate::support::outcomes::{joined, refused};

#[tokio::test]
async fn a_deal_can_be_withdrawn_in_every_state_that_is_not_final() {
    for app in with_redis_and_without().await {
        let (mo, ann, bob) = (app.merchant("Mo").await, app.buyer("Ann").await, app.buyer("Bob").await);
        let draft = app.deal(&mo).draft().await.id;
        let open = app.deal(&mo).tipping_point(2).publish().await.id;
        let tipped = app.deal(&mo).tipping_point(1).publish().await.id;
        for deal in [open, tipped] {
            joined(app.engine_join(&ann, deal, 1, "a").await);
        }
        for deal in [draft, open, tipped] {
            let WithdrawOutcome::Withdrawn(down) = app.engine.withdraw(mo.merchant_id(), deal, "ill").await.unwrap()
            else {
                panic!("not withdrawn")
            };
            assert_eq!((down.progress.state, down.lifecycle.withdrawn_reason()), (DealState::Withdrawn, Some("ill")));
            let again = app.engine.withdraw(mo.merchant_id(), deal, "another reason").await.unwrap();
            assert_eq!(again, WithdrawOutcome::Withdrawn(down), "a second withdrawal changes nothing");
        }
        for deal in [open, tipped] {
            assert_eq!(refused(app.engine_join(&bob, deal, 1, "a").await), Refusal::Closed);
        }
        app.clock.advance(Duration::from_hours(48)).await;
        assert!(app.engine.close_due().await.unwrap().is_empty());
        app.deliver_now().await;
        app.assert_clean().await;
    }
}

#[tokio::test]
async fn an_ended_deal_and_another_merchants_deal_cannot_be_withdrawn() {
    for app in with_redis_and_without().await {
        let (mo, jo) = (app.merchant("Mo").await, app.merchant("Jo").await);
        let deal = app.deal(&mo).publish().await.id;
        assert_eq!(app.engine.withdraw(jo.merchant_id(), deal, "envy").await.unwrap(), WithdrawOutcome::NoSuchDeal);
        app.clock.advance(Duration::from_hours(48)).await;
        app.close_now().await;
        assert_eq!(app.engine.withdraw(mo.merchant_id(), deal, "late").await.unwrap(), WithdrawOutcome::Ended);
        assert_eq!(app.progress(deal).await.state, DealState::Failed);
        app.assert_clean().await;
    }
}
