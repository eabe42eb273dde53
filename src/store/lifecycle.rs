//! Publishes, withdraws and closes deals, and raises their caps, with one function call each.
//!
//! Each function returns the deal as it was right after the change, under the deal's lock. Later reads may include
//! other changes, which must not be sent to Redis with this one. The domain applies its own transition to the previous
//! state. A result that differs from the function's is a defect.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::decided::Figures;
use super::{Store, StoreError};
use crate::domain::{DealId, DealState, Lifecycle, LifecycleColumns, MerchantId, NoSuchTransition, Progress};
use crate::store::error::unreadable;

/// The outcome of publishing a deal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PublishAnswer {
    Published(Figures),
    /// The deal is unknown, or belongs to another merchant.
    NoSuchDeal,
    /// The deal is not a draft.
    NotDraft,
    /// The deal's window is over.
    WindowOver,
}

/// The outcome of withdrawing a deal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WithdrawAnswer {
    /// The deal is withdrawn, by this call or an earlier one.
    Withdrawn(Figures),
    /// The deal is unknown, or belongs to another merchant.
    NoSuchDeal,
    /// The deal has succeeded or failed.
    Ended,
}

/// The outcome of raising a deal's cap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RaiseCapAnswer {
    Raised(Figures),
    /// The deal already has this cap.
    Unchanged(Figures),
    /// The deal is unknown, or belongs to another merchant.
    NoSuchDeal,
    /// The deal is a draft.
    NotPublished,
    /// The deal or its window is over.
    Closed,
    /// The new cap is lower than the current one.
    NotInBuyersFavour,
}

/// Locks a merchant's deal, and calls a function for the deal. `was` is the row under that lock.
macro_rules! change {
    ($function:literal, $deal:expr, $merchant:expr $(, $argument:expr)*) => {
        sqlx::query_as!(
            ChangeRow,
            r#"SELECT muster_now() AS at, was.rev AS "was_rev?", was.state AS "was_state?",
                      was.published_at AS "was_published_at?", was.tipped_at AS "was_tipped_at?",
                      was.ended_at AS "was_ended_at?", was.withdrawn_reason AS "was_withdrawn_reason?", change.*
                 FROM (SELECT * FROM deals AS d WHERE d.id = $1 AND d.merchant = $2 FOR NO KEY UPDATE) AS was
                CROSS JOIN LATERAL "# + $function + " AS change",
            $deal, $merchant $(, $argument)*
        )
    };
}

impl Store {
    /// Publishes a draft.
    pub async fn publish_deal(&self, merchant: MerchantId, deal: DealId) -> Result<PublishAnswer, StoreError> {
        let row =
            change!("publish_deal(was.id, $2)", deal.as_uuid(), merchant.as_uuid()).fetch_optional(&self.pool).await?;
        let Some(row) = row else { return Ok(PublishAnswer::NoSuchDeal) };
        let before = row.before()?;
        Ok(match row.outcome.as_deref() {
            Some("ok") => PublishAnswer::Published(row.became(before.publish(row.at()?))?),
            Some("no_such_deal") => PublishAnswer::NoSuchDeal,
            Some("not_draft") if !before.may_be_published() => PublishAnswer::NotDraft,
            Some("closed") if before.may_be_published() => PublishAnswer::WindowOver,
            _ => return Err(row.contradicts()),
        })
    }

    /// Withdraws a deal. `reason` is shown to buyers.
    pub async fn withdraw_deal(
        &self,
        merchant: MerchantId,
        deal: DealId,
        reason: &str,
    ) -> Result<WithdrawAnswer, StoreError> {
        let (deal, merchant) = (deal.as_uuid(), merchant.as_uuid());
        let row = change!("withdraw_deal(was.id, $2, $3)", deal, merchant, reason).fetch_optional(&self.pool).await?;
        let Some(row) = row else { return Ok(WithdrawAnswer::NoSuchDeal) };
        let before = row.before()?;
        Ok(match row.outcome.as_deref() {
            Some("ok") if before.state() == DealState::Withdrawn => WithdrawAnswer::Withdrawn(row.became(Ok(before))?),
            Some("ok") => WithdrawAnswer::Withdrawn(row.became(before.withdraw(row.at()?, reason.to_owned()))?),
            Some("no_such_deal") => WithdrawAnswer::NoSuchDeal,
            Some("ended") if !before.may_be_withdrawn() => WithdrawAnswer::Ended,
            _ => return Err(row.contradicts()),
        })
    }

    /// Raises a deal's cap, or removes it (`None`). Nodes may still refuse joins by the old cap: see
    /// `Engine::raise_cap`.
    pub async fn raise_cap(
        &self,
        merchant: MerchantId,
        deal: DealId,
        cap: Option<u32>,
    ) -> Result<RaiseCapAnswer, StoreError> {
        let (deal, merchant, cap) = (deal.as_uuid(), merchant.as_uuid(), cap.map(u32::cast_signed));
        let row = change!("raise_cap(was.id, $2, $3)", deal, merchant, cap).fetch_optional(&self.pool).await?;
        let Some(row) = row else { return Ok(RaiseCapAnswer::NoSuchDeal) };
        let before = row.before()?;
        Ok(match row.outcome.as_deref() {
            Some("ok") if before.state().sells() => RaiseCapAnswer::Raised(row.became(Ok(before))?),
            Some("unchanged") if before.state().sells() => RaiseCapAnswer::Unchanged(row.became(Ok(before))?),
            Some("no_such_deal") => RaiseCapAnswer::NoSuchDeal,
            Some("not_published") if before.state() == DealState::Draft => RaiseCapAnswer::NotPublished,
            Some("closed") if before.state() != DealState::Draft => RaiseCapAnswer::Closed,
            Some("not_in_buyers_favour") if before.state().sells() => RaiseCapAnswer::NotInBuyersFavour,
            _ => return Err(row.contradicts()),
        })
    }

    /// Closes up to `most` deals whose window is over. Returns the closed deals with their new figures.
    pub async fn close_due_deals(&self, most: u32) -> Result<Vec<Figures>, StoreError> {
        // The function selects and locks the deals, so `was` is from the statement's snapshot, and may miss a join that
        // committed before the lock.
        let ended = sqlx::query_as!(
            ChangeRow,
            r#"SELECT muster_now() AS at, was.rev AS "was_rev?", was.state AS "was_state?",
                      was.published_at AS "was_published_at?", was.tipped_at AS "was_tipped_at?",
                      was.ended_at AS "was_ended_at?", was.withdrawn_reason AS "was_withdrawn_reason?", change.*
                 FROM close_due_deals($1) AS change
                CROSS JOIN LATERAL (SELECT * FROM deals AS d WHERE d.id = change.deal OFFSET 0) AS was"#,
            most.cast_signed()
        )
        .fetch_all(&self.pool)
        .await?;
        ended.iter().map(ChangeRow::closed).collect()
    }
}

/// A `deal_change`, and the deal before the change.
struct ChangeRow {
    /// The time of the statement, which is not before that of the change.
    at: Option<DateTime<Utc>>,
    was_rev: Option<i64>,
    was_state: Option<String>,
    was_published_at: Option<DateTime<Utc>>,
    was_tipped_at: Option<DateTime<Utc>>,
    was_ended_at: Option<DateTime<Utc>>,
    was_withdrawn_reason: Option<String>,
    outcome: Option<String>,
    deal: Option<Uuid>,
    epoch: Option<i64>,
    rev: Option<i64>,
    rev_before: Option<i64>,
    state: Option<String>,
    buyers: Option<i32>,
    units: Option<i32>,
    tipping_point: Option<i32>,
    cap: Option<i32>,
    opens_at: Option<DateTime<Utc>>,
    closes_at: Option<DateTime<Utc>>,
}

impl ChangeRow {
    /// The deal's lifecycle before the change.
    fn before(&self) -> Result<Lifecycle, StoreError> {
        let columns = LifecycleColumns {
            published_at: self.was_published_at,
            tipped_at: self.was_tipped_at,
            ended_at: self.was_ended_at,
            withdrawn_reason: self.was_withdrawn_reason.clone(),
        };
        let state = self.was_state.as_deref().and_then(DealState::parse);
        state.and_then(|state| Lifecycle::read(state, columns)).ok_or_else(|| unreadable("lifecycle"))
    }

    fn at(&self) -> Result<DateTime<Utc>, StoreError> {
        self.at.ok_or_else(|| unreadable("time"))
    }

    /// The figures after the change, whose state must be the one that the domain expects.
    fn became(&self, expected: Result<Lifecycle, NoSuchTransition>) -> Result<Figures, StoreError> {
        let figures = self.figures()?;
        match expected {
            Ok(expected) if expected.state() == figures.progress.state => Ok(figures),
            _ => Err(self.contradicts()),
        }
    }

    /// The figures after closing.
    fn closed(&self) -> Result<Figures, StoreError> {
        if self.was_rev == self.rev_before {
            return self.became(self.before()?.close(self.at()?));
        }
        // A join was recorded between the snapshot and the lock, so the state before the change is unknown.
        self.figures()
    }

    /// The error for a function that made a change that the domain forbids, or refused one that it allows.
    fn contradicts(&self) -> StoreError {
        let (was, became) = (self.was_state.as_deref(), self.state.as_deref());
        tracing::error!(
            was,
            became,
            outcome = self.outcome.as_deref(),
            "a SQL function contradicts the states of a deal"
        );
        unreadable("change of a deal's state")
    }

    fn figures(&self) -> Result<Figures, StoreError> {
        self.complete_figures().ok_or_else(|| unreadable("figures"))
    }

    fn complete_figures(&self) -> Option<Figures> {
        let progress = Progress {
            deal: self.deal?.into(),
            epoch: self.epoch?,
            rev: self.rev?,
            state: DealState::parse(self.state.as_deref()?)?,
            buyers: self.buyers?.cast_unsigned(),
            units: self.units?.cast_unsigned(),
            tipping_point: self.tipping_point?.cast_unsigned(),
            cap: self.cap.map(i32::cast_unsigned),
            closes_at: self.closes_at?,
        };
        Some(Figures { progress, opens_at: self.opens_at?, rev_before: self.rev_before? })
    }
}
