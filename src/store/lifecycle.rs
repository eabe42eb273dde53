//! Publishes, withdraws and closes deals, with one function call each.

use super::{Store, StoreError};
use crate::domain::{AccountId, DealId};
use crate::store::error::unreadable;

/// What became of publishing a deal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PublishAnswer {
    Published,
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
    Withdrawn,
    /// Unknown, or of another merchant.
    NoSuchDeal,
    /// It has succeeded or failed.
    Ended,
}

impl Store {
    /// Publishes a draft.
    pub async fn publish_deal(&self, merchant: AccountId, deal: DealId) -> Result<PublishAnswer, StoreError> {
        let word = sqlx::query_scalar!(r#"SELECT publish_deal($1, $2) AS "word!""#, deal.as_uuid(), merchant.as_uuid())
            .fetch_one(&self.pool)
            .await?;
        Ok(match word.as_str() {
            "ok" => PublishAnswer::Published,
            "no_such_deal" => PublishAnswer::NoSuchDeal,
            "not_draft" => PublishAnswer::NotDraft,
            "closed" => PublishAnswer::WindowOver,
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
        let word = sqlx::query_scalar!(r#"SELECT withdraw_deal($1, $2, $3) AS "word!""#, deal, merchant, reason)
            .fetch_one(&self.pool)
            .await?;
        Ok(match word.as_str() {
            "ok" => WithdrawAnswer::Withdrawn,
            "no_such_deal" => WithdrawAnswer::NoSuchDeal,
            "ended" => WithdrawAnswer::Ended,
            _ => return Err(unreadable("answer")),
        })
    }

    /// Closes up to `most` deals whose window is over. Returns those deals.
    pub async fn close_due_deals(&self, most: u32) -> Result<Vec<DealId>, StoreError> {
        let ended = sqlx::query_scalar!(r#"SELECT close_due_deals($1) AS "deal!""#, most.cast_signed())
            .fetch_all(&self.pool)
            .await?;
        Ok(ended.into_iter().map(DealId::from).collect())
    }
}
