//! Creates one sample deal according to its plan. Each step is idempotent, because an earlier seeding may have been
//! killed.

use std::time::Duration;

use futures_util::{StreamExt, TryStreamExt, stream};

use super::plan::{self, Plan, PlannedBuyer, PlannedSignup};
use super::{SeedError, Seeder, accounts::People, buyers, editions};
use crate::dev::samples::{Sample, Stage};
use crate::domain::{
    AccountId, DealId, IdempotencyKey, JoinOutcome, JoinRequest, LeaveOutcome, Refusal, SignupId, Till, Units,
};
use crate::engine::{Catching, PublishOutcome, RedeemOutcome, WithdrawOutcome};
use crate::store::PageRequest;

/// Maximum joins in flight.
const CONCURRENCY: usize = 64;
/// Polling for work that another node's worker may be doing: number of attempts, and the pause between them.
const ATTEMPTS_MAX: u32 = 100;
const PAUSE: Duration = Duration::from_millis(50);
/// Longer than creating one deal takes.
const RECONCILE_WINDOW: Duration = Duration::from_mins(1);
/// Signups per settle call.
const SETTLE_CHUNK: u32 = 1_000;
const TILL: &str = "At the counter";

/// The sample deal that is being created.
struct Task<'a> {
    sample: &'static Sample,
    deal: DealId,
    people: &'a People,
}

impl Seeder<'_> {
    /// Creates an edition of a sample and brings it to its state.
    pub(super) async fn create(&self, sample: &'static Sample, edition: u32) -> Result<DealId, SeedError> {
        let now = self.store.ping().await?;
        let plan = plan::plan(sample, now).map_err(|problems| SeedError::Sample { sample: sample.name, problems })?;
        let people = self.people(sample.shop).await?;
        let deal = editions::deal_id(sample, edition);
        self.store.create_sample_deal(deal, people.merchant, &plan.terms, sample.picture).await?;
        if sample.stage == Stage::Draft {
            return Ok(deal);
        }
        let task = Task { sample, deal, people: &people };
        match self.engine.publish(people.merchant, deal).await? {
            PublishOutcome::Published(_) | PublishOutcome::NotDraft => {}
            other @ (PublishOutcome::NoSuchDeal | PublishOutcome::WindowOver) => {
                return Err(task.unexpected("publishing", &other));
            }
        }
        self.fill(&task, &plan).await?;
        self.settle_all().await?;
        self.finish(&task, &plan).await?;
        if plan.history.ended_at.is_some() {
            // Redis must receive the end of the deal now: once the history is written, the deal is too old for the
            // reconciler.
            self.engine.reconcile(Some(RECONCILE_WINDOW), Catching::Everything).await?;
        }
        self.store.tell_sample_history(deal, &plan.history).await?;
        self.engine.reconcile_deal(deal).await?;
        Ok(deal)
    }

    /// Creates the planned signups, including those that are left again.
    async fn fill(&self, task: &Task<'_>, plan: &Plan) -> Result<(), SeedError> {
        self.create_sample_buyers().await?;
        self.join_all(task, &plan.leavers).await?;
        for leaver in &plan.leavers {
            let buyer = task.account(leaver.buyer);
            match self.engine.leave(buyer, task.signup(buyer)?).await {
                LeaveOutcome::Left | LeaveOutcome::AlreadyTipped | LeaveOutcome::Closed => {}
                other => return Err(task.unexpected("leaving", &other)),
            }
        }
        self.join_all(task, &plan.signups).await
    }

    async fn join_all(&self, task: &Task<'_>, signups: &[PlannedSignup]) -> Result<(), SeedError> {
        stream::iter(signups.iter().copied())
            .map(|signup| self.join(task, signup))
            .buffer_unordered(CONCURRENCY)
            .try_collect()
            .await
    }

    async fn join(&self, task: &Task<'_>, signup: PlannedSignup) -> Result<(), SeedError> {
        let units = Units::new(i64::from(signup.units))
            .map_err(|problem| SeedError::Sample { sample: task.sample.name, problems: vec![problem] })?;
        let request = JoinRequest::new(task.deal, task.account(signup.buyer), units, &task.key()?);
        let mut outcome = self.engine.join(request).await;
        for _ in 0..ATTEMPTS_MAX {
            match outcome {
                // A developer may have taken the last units.
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
        Err(task.unexpected("joining", &outcome))
    }

    /// Issues all due coupons, and waits for those that another node's settler is issuing.
    async fn settle_all(&self) -> Result<(), SeedError> {
        for _ in 0..ATTEMPTS_MAX {
            self.engine.settle(SETTLE_CHUNK).await?;
            if self.store.settler().await?.unsettled(1).await?.is_empty() {
                break;
            }
            tokio::time::sleep(PAUSE).await;
        }
        Ok(())
    }

    /// Ends the deal if its sample shows an ended deal.
    async fn finish(&self, task: &Task<'_>, plan: &Plan) -> Result<(), SeedError> {
        match task.sample.stage {
            Stage::Succeeded { redeemed, .. } => {
                self.end_now(task.deal).await?;
                self.redeem(task, plan, redeemed).await
            }
            Stage::Failed { .. } => self.end_now(task.deal).await,
            Stage::Withdrawn { reason, .. } => {
                match self.engine.withdraw(task.people.merchant, task.deal, reason).await? {
                    WithdrawOutcome::Withdrawn(_) => Ok(()),
                    other => Err(task.unexpected("withdrawing", &other)),
                }
            }
            _ => Ok(()),
        }
    }

    /// Ends a deal's window and waits until it has succeeded or failed.
    pub(super) async fn end_now(&self, deal: DealId) -> Result<(), SeedError> {
        self.store.end_window_of_sample(deal).await?;
        for _ in 0..ATTEMPTS_MAX {
            self.engine.close_due().await?;
            let open = self.store.deal(deal).await?.is_some_and(|deal| deal.progress.state.sells());
            if !open {
                break;
            }
            // Another node's closer may hold the row lock.
            tokio::time::sleep(PAUSE).await;
        }
        Ok(())
    }

    /// Redeems the first coupon of up to `buyers_max` buyers, beginning with the demo buyer.
    async fn redeem(&self, task: &Task<'_>, plan: &Plan, buyers_max: u32) -> Result<(), SeedError> {
        let till = Till::parse(TILL).map_err(|problem| task.unexpected("naming the till", &problem))?;
        let mut signups: Vec<&PlannedSignup> = plan.signups.iter().collect();
        signups.sort_by_key(|signup| signup.buyer != PlannedBuyer::Demo);
        for signup in signups.into_iter().take(buyers_max as usize) {
            let coupons = self.engine.coupons(task.account(signup.buyer), &PageRequest::first(100)).await?.items;
            let Some(first) = coupons.iter().find(|coupon| coupon.deal == task.deal && coupon.ordinal == 1) else {
                continue;
            };
            let key = task.key()?;
            let (owner, merchants) = (task.people.owner, [task.people.merchant]);
            match self.engine.redeem(owner, &merchants, &till, &first.code, Some(&key)).await? {
                RedeemOutcome::Redeemed { .. } => {}
                other => return Err(task.unexpected("redeeming", &other)),
            }
        }
        Ok(())
    }
}

impl Task<'_> {
    fn account(&self, buyer: PlannedBuyer) -> AccountId {
        match buyer {
            PlannedBuyer::Demo => self.people.demo_buyer,
            PlannedBuyer::Sample(number) => buyers::buyer_id(number),
        }
    }

    /// The idempotency key of all requests. One is enough, because no buyer makes the same request twice.
    fn key(&self) -> Result<IdempotencyKey, SeedError> {
        IdempotencyKey::parse("sample").map_err(|error| self.unexpected("creating a key", &error))
    }

    fn signup(&self, buyer: AccountId) -> Result<SignupId, SeedError> {
        Ok(SignupId::derive(self.deal, buyer, &self.key()?))
    }

    fn unexpected(&self, verb: &'static str, outcome: &dyn std::fmt::Debug) -> SeedError {
        SeedError::Unexpected { sample: self.sample.name, verb, outcome: format!("{outcome:?}") }
    }
}
