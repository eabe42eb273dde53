//! Publishes, withdraws and closes deals, and raises their caps, with one function call each.
//!
//! Each function returns the deal as it left it under the deal's lock, because Redis must not be told what is read later.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::decided::Figures;
use super::{Store, StoreError};
use crate::domain::{AccountId, DealId, DealState, Progress};
use crate::store::error::unreadable;

/// What became of publishing a deal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PublishAnswer {
    Published(Figures),
    /// Unknown, or of another merchant.
    NoSuchDeal,
    /// It was published or withdrawn before.
    NotDraft,
    /// Its window would be over at once.
    WindowOver,
}

/// What became of withdrawing a deal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WithdrawAnswer {
    /// Withdrawn now, or before.
    Withdrawn(Figures),
    /// Unknown, or of another merchant.
    NoSuchDeal,
    /// It has succeeded or failed.
    Ended,
}

/// What became of raising a deal's cap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RaiseCapAnswer {
    Raised(Figures),
    /// It has this cap already.
    Unchanged(Figures),
    /// Unknown, or of another merchant.
    NoSuchDeal,
    /// A draft.
    NotPublished,
    /// The deal is over, or its window is.
    Closed,
    /// The cap would become lower.
    NotInBuyersFavour,
}

impl Store {
    /// Publishes a draft.
    pub async fn publish_deal(&self, merchant: AccountId, deal: DealId) -> Result<PublishAnswer, StoreError> {
        let row = sqlx::query_as!(ChangeRow, "SELECT * FROM publish_deal($1, $2)", deal.as_uuid(), merchant.as_uuid())
            .fetch_one(&self.pool)
            .await?;
        Ok(match row.outcome.as_deref() {
            Some("ok") => PublishAnswer::Published(row.figures()?),
            Some("no_such_deal") => PublishAnswer::NoSuchDeal,
            Some("not_draft") => PublishAnswer::NotDraft,
            Some("closed") => PublishAnswer::WindowOver,
            _ => return Err(unreadable("answer")),
        })
    }

    /// Withdraws a deal. `reason` is shown to people.
    pub async fn withdraw_deal(
        &self,
        merchant: AccountId,
        deal: DealId,
        reason: &str,
    ) -> Result<WithdrawAnswer, StoreError> {
        let (deal, merchant) = (deal.as_uuid(), merchant.as_uuid());
        let row = sqlx::query_as!(ChangeRow, "SELECT * FROM withdraw_deal($1, $2, $3)", deal, merchant, reason)
            .fetch_one(&self.pool)
            .await?;
        Ok(match row.outcome.as_deref() {
            Some("ok") => WithdrawAnswer::Withdrawn(row.figures()?),
            Some("no_such_deal") => WithdrawAnswer::NoSuchDeal,
            Some("ended") => WithdrawAnswer::Ended,
            _ => return Err(unreadable("answer")),
        })
    }

    /// Raises a deal's cap, or takes it away (`None`). A node may still refuse joins because the deal is sold out: see
    /// `Engine::raise_cap`.
    pub async fn raise_cap(
        &self,
        merchant: AccountId,
        deal: DealId,
        cap: Option<u32>,
    ) -> Result<RaiseCapAnswer, StoreError> {
        let (deal, merchant, cap) = (deal.as_uuid(), merchant.as_uuid(), cap.map(u32::cast_signed));
        let row = sqlx::query_as!(ChangeRow, "SELECT * FROM raise_cap($1, $2, $3)", deal, merchant, cap)
            .fetch_one(&self.pool)
            .await?;
        Ok(match row.outcome.as_deref() {
            Some("ok") => RaiseCapAnswer::Raised(row.figures()?),
            Some("unchanged") => RaiseCapAnswer::Unchanged(row.figures()?),
            Some("no_such_deal") => RaiseCapAnswer::NoSuchDeal,
            Some("not_published") => RaiseCapAnswer::NotPublished,
            Some("closed") => RaiseCapAnswer::Closed,
            Some("not_in_buyers_favour") => RaiseCapAnswer::NotInBuyersFavour,
            _ => return Err(unreadable("answer")),
        })
    }

    /// Closes up to `most` deals whose window is over. Returns those deals as they became.
    pub async fn close_due_deals(&self, most: u32) -> Result<Vec<Figures>, StoreError> {
        let ended = sqlx::query_as!(ChangeRow, "SELECT * FROM close_due_deals($1)", most.cast_signed())
            .fetch_all(&self.pool)
            .await?;
        ended.iter().map(ChangeRow::figures).collect()
    }
}

/// A `deal_change`.
struct ChangeRow {
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
    fn figures(&self) -> Result<Figures, StoreError> {
        self.all_there().ok_or_else(|| unreadable("figures"))
    }

    fn all_there(&self) -> Option<Figures> {
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
