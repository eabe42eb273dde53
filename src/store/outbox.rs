//! What people must hear of: events expanded into messages, messages claimed and reported.

use super::error::unreadable;
use super::{Store, StoreError};
use crate::domain::{DealId, SignupId};

/// What a message tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MessageKind {
    /// The deal is on.
    DealTipped,
    /// The deal did not happen: nobody pays.
    DealFailed,
    /// The coupons of a signup can be shown.
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

/// A message to one person, claimed for as long as its lease lasts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Its row.
    pub id: i64,
    /// Stable over every attempt, so that a receiver can tell a repetition.
    pub key: String,
    /// What it tells.
    pub kind: MessageKind,
    /// Of which deal.
    pub deal: DealId,
    /// The deal's title.
    pub title: String,
    /// Of which signup, when it is about one.
    pub signup: Option<SignupId>,
    /// To whom; none if the account was erased meanwhile.
    pub to: Option<(String, String)>,
    /// Which attempt this is, from 1.
    pub attempt: u32,
}

impl Store {
    /// Expands one due event by up to `chunk` buyers. False when none is due.
    ///
    /// # Errors
    /// Postgres is away.
    pub async fn expand_outbox(&self, chunk: u32) -> Result<bool, StoreError> {
        let made = sqlx::query_scalar!("SELECT expand_outbox($1)", chunk.cast_signed()).fetch_one(&self.pool).await?;
        Ok(made.is_some())
    }

    /// Claims up to `most` messages that are due.
    ///
    /// # Errors
    /// Postgres is away.
    pub async fn claim_messages(&self, most: u32) -> Result<Vec<Message>, StoreError> {
        let rows = sqlx::query!(
            r#"SELECT id AS "id!", key AS "key!", kind AS "kind!", deal AS "deal!", signup, email, name, title AS "title!", attempts AS "attempts!"
                 FROM claim_outbox($1)"#,
            most.cast_signed()
        )
        .fetch_all(&self.pool)
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

    /// Reports that these messages were sent.
    ///
    /// # Errors
    /// Postgres is away: they will be sent again.
    pub async fn messages_delivered(&self, ids: &[i64]) -> Result<(), StoreError> {
        sqlx::query!("UPDATE outbox SET delivered_at = muster_now(), last_error = NULL WHERE id = ANY ($1)", ids)
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// Reports why a message was not sent. When it is tried again was decided when it was claimed.
    ///
    /// # Errors
    /// Postgres is away.
    pub async fn message_failed(&self, id: i64, why: &str) -> Result<(), StoreError> {
        sqlx::query!("UPDATE outbox SET last_error = left($2, 500) WHERE id = $1", id, why).execute(&self.pool).await?;
        Ok(())
    }
}
