//! The transactional outbox: expands events into messages, claims messages, and records the outcomes of deliveries.

use crate::domain::{DealId, SignupId};
use crate::store::{Store, StoreError, unreadable};

/// The subject of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum MessageKind {
    /// The deal has tipped.
    DealTipped,
    /// The deal failed, so nobody pays.
    DealFailed,
    /// The coupons of a signup are issued.
    CouponReady,
}

impl MessageKind {
    fn parse(word: &str) -> Option<Self> {
        Some(match word {
            "deal_tipped" => Self::DealTipped,
            "deal_failed" => Self::DealFailed,
            "coupon_ready" => Self::CouponReady,
            _ => return None,
        })
    }
}

/// A claimed message. Other workers leave it alone until its lease expires.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Message {
    pub(super) id: i64,
    /// The id of the message, the same for every attempt, so that a receiver can drop duplicates.
    pub(super) key: String,
    pub(super) kind: MessageKind,
    pub(super) deal: DealId,
    /// The title of the deal.
    pub(super) title: String,
    /// The signup that the message is about, if any.
    pub(super) signup: Option<SignupId>,
    /// E-mail address and name. `None` if the account was erased.
    pub(super) to: Option<(String, String)>,
    /// The number of this attempt, from 1.
    pub(super) attempt: u32,
}

impl Store {
    /// Expands one due event by up to `chunk` buyers. Returns false if no event is due.
    pub(super) async fn expand_outbox(&self, chunk: u32) -> Result<bool, StoreError> {
        let expanded =
            sqlx::query_scalar!("SELECT expand_outbox($1)", chunk.cast_signed()).fetch_one(self.pool()).await?;
        Ok(expanded.is_some())
    }

    /// Claims up to `limit` due messages.
    pub(super) async fn claim_messages(&self, limit: u32) -> Result<Vec<Message>, StoreError> {
        let rows = sqlx::query!(
            r#"SELECT id AS "id!", key AS "key!", kind AS "kind!", deal AS "deal!", signup, email, name, title AS "title!", attempts AS "attempts!"
                 FROM claim_outbox($1)"#,
            limit.cast_signed()
        )
        .fetch_all(self.pool())
        .await?;
        let read = rows.into_iter().map(|r| {
            Ok(Message {
                id: r.id,
                key: r.key,
                kind: MessageKind::parse(&r.kind).ok_or_else(|| unreadable("kind"))?,
                deal: r.deal.into(),
                title: r.title,
                signup: r.signup.map(SignupId::from),
                to: r.email.zip(r.name),
                attempt: r.attempts.cast_unsigned(),
            })
        });
        read.collect()
    }

    /// Marks these messages as delivered. If this fails, they are sent again.
    pub(super) async fn messages_delivered(&self, ids: &[i64]) -> Result<(), StoreError> {
        sqlx::query!("UPDATE outbox SET delivered_at = muster_now(), last_error = NULL WHERE id = ANY ($1)", ids)
            .execute(self.pool())
            .await?;
        Ok(())
    }

    /// Records why a message was not sent. Its claim has already set the time of the next attempt.
    pub(super) async fn message_failed(&self, id: i64, why: &str) -> Result<(), StoreError> {
        sqlx::query!("UPDATE outbox SET last_error = left($2, 500) WHERE id = $1", id, why)
            .execute(self.pool())
            .await?;
        Ok(())
    }
}
