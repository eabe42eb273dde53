//! Lets everything happen to a sample deal that its plan says, verb by verb. Each step may have been done before.

use std::time::Duration;

use futures_util::{StreamExt, TryStreamExt, stream};

use super::plan::{self, Plan, PlannedBuyer, PlannedSignup};
use super::{SeedError, Seeder, accounts::People, buyers, editions};
use crate::dev::samples::{Sample, Stage};
use crate::domain::{
    AccountId, DealId, IdempotencyKey, JoinOutcome, JoinRequest, LeaveOutcome, Refusal, SignupId, Units,
};
use crate::engine::{Catching, PublishOutcome, RedeemOutcome, WithdrawOutcome};
use crate::store::PageRequest;

/// Joins that are on their way at a time.
const AT_A_TIME: usize = 64;
/// How often something that another node may be doing is looked at again, and after which pause.
const LOOKS: u32 = 100;
const PAUSE: Duration = Duration::from_millis(50);
/// What reconciling looks at: more than a deal takes.
const JUST_NOW: Duration = Duration::from_mins(1);
/// Coupons issued in one call.
const SETTLE_CHUNK: u32 = 1_000;
const TILL: &str = "At the counter";

/// A sample deal while it is brought to its state.
struct Scene<'a> {
    sample: &'static Sample,
    deal: DealId,
    people: &'a People,
}

impl Seeder<'_> {
    /// Brings this edition of a sample to the state that it shows.
    pub(super) async fn play(&self, sample: &'static Sample, edition: u32) -> Result<DealId, SeedError> {
        let now = self.store.ping().await?;
        let plan = plan::plan(sample, now).map_err(|problems| SeedError::Sample { sample: sample.name, problems })?;
        let people = self.people(sample.shop).await?;
        let deal = editions::deal_id(sample, edition);
        self.store.create_sample_deal(deal, people.merchant, &plan.terms, sample.picture).await?;
        if sample.stage == Stage::Draft {
            return Ok(deal);
        }
        let scene = Scene { sample, deal, people: &people };
        match self.engine.publish(people.merchant, deal).await? {
            PublishOutcome::Published(_) | PublishOutcome::NotDraft => {}
            other @ (PublishOutcome::NoSuchDeal | PublishOutcome::WindowOver) => {
                return Err(scene.unexpected("publishing", &other));
            }
        }
        self.fill(&scene, &plan).await?;
        self.settle_all().await?;
        self.finish(&scene, &plan).await?;
        if plan.history.ended_at.is_some() {
            // Who reconciles later does not look at what ended long ago.
            self.engine.reconcile(Some(JUST_NOW), Catching::Everything).await?;
        }
        self.store.tell_sample_history(deal, &plan.history).await?;
        Ok(deal)
    }

    /// Lets buyers join, some of whom leave again.
    async fn fill(&self, scene: &Scene<'_>, plan: &Plan) -> Result<(), SeedError> {
        self.make_sample_buyers().await?;
        self.join_all(scene, &plan.leavers).await?;
        for leaver in &plan.leavers {
            let buyer = scene.account(leaver.buyer);
            match self.engine.leave(buyer, scene.signup(buyer)?).await {
                LeaveOutcome::Left | LeaveOutcome::AlreadyTipped | LeaveOutcome::Closed => {}
                other => return Err(scene.unexpected("leaving", &other)),
            }
        }
        self.join_all(scene, &plan.signups).await
    }

    async fn join_all(&self, scene: &Scene<'_>, signups: &[PlannedSignup]) -> Result<(), SeedError> {
        stream::iter(signups.iter().copied())
            .map(|signup| self.join(scene, signup))
            .buffer_unordered(AT_A_TIME)
            .try_collect()
            .await
    }

    async fn join(&self, scene: &Scene<'_>, signup: PlannedSignup) -> Result<(), SeedError> {
        let units = Units::new(i64::from(signup.units))
            .map_err(|problem| SeedError::Sample { sample: scene.sample.name, problems: vec![problem] })?;
        let request = JoinRequest::new(scene.deal, scene.account(signup.buyer), units, &scene.key()?);
        let mut outcome = self.engine.join(request).await;
        for _ in 0..LOOKS {
            match outcome {
                // Real people may have come first, if there are any here.
                JoinOutcome::Joined(_) | JoinOutcome::Refused(Refusal::SoldOut | Refusal::Closed) => return Ok(()),
                JoinOutcome::Busy { .. }
                | JoinOutcome::Pending(_)
                | JoinOutcome::Refused(Refusal::PlacesHeld | Refusal::NotEnoughLeft { .. }) => {
                    tokio::time::sleep(PAUSE).await;
                    outcome = self.engine.join(request).await;
                }
                _ => break,
            }
        }
        Err(scene.unexpected("joining", &outcome))
    }

    /// Issues every coupon that is due. Another node's settler may have some of them in its hands.
    async fn settle_all(&self) -> Result<(), SeedError> {
        for _ in 0..LOOKS {
            self.engine.settle(SETTLE_CHUNK).await?;
            if self.store.settler().await?.unsettled(1).await?.is_empty() {
                break;
            }
            tokio::time::sleep(PAUSE).await;
        }
        Ok(())
    }

    /// Ends the deal, if it is to have ended.
    async fn finish(&self, scene: &Scene<'_>, plan: &Plan) -> Result<(), SeedError> {
        match scene.sample.stage {
            Stage::Succeeded { redeemed, .. } => {
                self.end_now(scene.deal).await?;
                self.redeem(scene, plan, redeemed).await
            }
            Stage::Failed { .. } => self.end_now(scene.deal).await,
            Stage::Withdrawn { reason, .. } => {
                match self.engine.withdraw(scene.people.merchant, scene.deal, reason).await? {
                    WithdrawOutcome::Withdrawn(_) => Ok(()),
                    other => Err(scene.unexpected("withdrawing", &other)),
                }
            }
            _ => Ok(()),
        }
    }

    /// Ends a deal's window, and waits until it has succeeded or failed.
    pub(super) async fn end_now(&self, deal: DealId) -> Result<(), SeedError> {
        self.store.end_window_of_sample(deal).await?;
        for _ in 0..LOOKS {
            self.engine.close_due().await?;
            let open = self.store.deal(deal).await?.is_some_and(|deal| deal.progress.state.sells());
            if !open {
                break;
            }
            // Another node's closer has it in its hands.
            tokio::time::sleep(PAUSE).await;
        }
        Ok(())
    }

    /// Redeems the first coupon of some buyers, the demo buyer among them.
    async fn redeem(&self, scene: &Scene<'_>, plan: &Plan, most: u32) -> Result<(), SeedError> {
        let mut signups: Vec<&PlannedSignup> = plan.signups.iter().collect();
        signups.sort_by_key(|signup| signup.buyer != PlannedBuyer::Demo);
        for signup in signups.into_iter().take(most as usize) {
            let coupons = self.engine.coupons(scene.account(signup.buyer), &PageRequest::first(100)).await?.items;
            let Some(first) = coupons.iter().find(|coupon| coupon.deal == scene.deal && coupon.ordinal == 1) else {
                continue;
            };
            let key = scene.key()?;
            match self.engine.redeem(scene.people.merchant, TILL, &first.code, Some(&key)).await? {
                RedeemOutcome::Redeemed { .. } => {}
                other => return Err(scene.unexpected("redeeming", &other)),
            }
        }
        Ok(())
    }
}

impl Scene<'_> {
    fn account(&self, buyer: PlannedBuyer) -> AccountId {
        match buyer {
            PlannedBuyer::Demo => self.people.demo_buyer,
            PlannedBuyer::Sample(number) => buyers::buyer_id(number),
        }
    }

    /// Each buyer asks once for each thing, so one key is enough.
    fn key(&self) -> Result<IdempotencyKey, SeedError> {
        IdempotencyKey::parse("sample").map_err(|error| self.unexpected("naming a request", &error))
    }

    fn signup(&self, buyer: AccountId) -> Result<SignupId, SeedError> {
        Ok(SignupId::derive(self.deal, buyer, &self.key()?))
    }

    fn unexpected(&self, verb: &'static str, outcome: &dyn std::fmt::Debug) -> SeedError {
        SeedError::Unexpected { sample: self.sample.name, verb, outcome: format!("{outcome:?}") }
    }
}
