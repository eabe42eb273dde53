//! Reads signups.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::deals::uuids;
use super::error::unreadable;
use super::{Cursor, Page, PageRequest, Store, StoreError};
use crate::domain::{AccountId, DealId, MerchantId, Signup, SignupId, SignupState};

/// A signup as the deal's merchant sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DealSignup {
    pub signup: Signup,
    /// `None` if the buyer was erased.
    pub buyer_name: Option<String>,
}

pub(crate) struct SignupRow {
    pub(crate) deal: Uuid,
    pub(crate) id: Uuid,
    pub(crate) buyer: Uuid,
    pub(crate) units: i32,
    pub(crate) number: i32,
    pub(crate) rev: i64,
    pub(crate) state: String,
    pub(crate) joined_at: DateTime<Utc>,
}

impl TryFrom<SignupRow> for Signup {
    type Error = StoreError;

    fn try_from(row: SignupRow) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.id.into(),
            deal: row.deal.into(),
            buyer: row.buyer.into(),
            units: row.units.cast_unsigned(),
            number: row.number.cast_unsigned(),
            state: SignupState::parse(&row.state).ok_or_else(|| unreadable("signup state"))?,
            joined_at: row.joined_at,
            rev: row.rev,
        })
    }
}

impl Store {
    /// The signup with this id, if it belongs to this buyer.
    pub async fn signup(&self, buyer: AccountId, id: SignupId) -> Result<Option<Signup>, StoreError> {
        let row = sqlx::query_as!(
            SignupRow,
            "SELECT deal, id, buyer, units, number, rev, state, joined_at FROM signups WHERE buyer = $1 AND id = $2",
            buyer.as_uuid(),
            id.as_uuid()
        )
        .fetch_optional(&self.pool)
        .await?;
        row.map(Signup::try_from).transpose()
    }

    /// This buyer's signups in this deal, newest first.
    pub async fn signups_in_deal(&self, buyer: AccountId, deal: DealId) -> Result<Vec<Signup>, StoreError> {
        let rows = sqlx::query_as!(
            SignupRow,
            "SELECT deal, id, buyer, units, number, rev, state, joined_at FROM signups
              WHERE buyer = $1 AND deal = $2 ORDER BY joined_at DESC, id",
            buyer.as_uuid(),
            deal.as_uuid()
        )
        .fetch_all(&self.pool)
        .await?;
        rows.into_iter().map(Signup::try_from).collect()
    }

    /// This buyer's signups, newest first.
    pub async fn signups_of_buyer(&self, buyer: AccountId, page: &PageRequest) -> Result<Page<Signup>, StoreError> {
        let (at, id) = page.after();
        let rows = sqlx::query_as!(
            SignupRow,
            "SELECT deal, id, buyer, units, number, rev, state, joined_at FROM signups
              WHERE buyer = $1 AND ($2::timestamptz IS NULL OR (joined_at, id) < ($2, $3::uuid))
              ORDER BY joined_at DESC, id DESC LIMIT $4",
            buyer.as_uuid(),
            at,
            id,
            page.fetch()
        )
        .fetch_all(&self.pool)
        .await?;
        let signups = rows.into_iter().map(Signup::try_from).collect::<Result<Vec<_>, _>>()?;
        Ok(Page::cut(signups, page, |signup| Cursor { at: signup.joined_at, id: signup.id.as_uuid() }))
    }

    /// The signups of a deal of one of these merchants, in the order of joining. `None` if they have no such deal.
    pub async fn signups_of_deal(
        &self,
        merchants: &[MerchantId],
        deal: DealId,
        page: &PageRequest,
    ) -> Result<Option<Page<DealSignup>>, StoreError> {
        let owns = sqlx::query_scalar!(
            r#"SELECT EXISTS (SELECT 1 FROM deals WHERE id = $1 AND merchant = ANY ($2)) AS "owns!""#,
            deal.as_uuid(),
            &uuids(merchants)
        )
        .fetch_one(&self.pool)
        .await?;
        if !owns {
            return Ok(None);
        }
        let (at, id) = page.after();
        let rows = sqlx::query!(
            r#"SELECT s.deal, s.id, s.buyer, s.units, s.number, s.rev, s.state, s.joined_at, a.name AS "name?"
                 FROM signups AS s LEFT JOIN accounts AS a ON a.id = s.buyer
                WHERE s.deal = $1 AND ($2::timestamptz IS NULL OR (s.joined_at, s.id) > ($2, $3::uuid))
                ORDER BY s.joined_at, s.id LIMIT $4"#,
            deal.as_uuid(),
            at,
            id,
            page.fetch()
        )
        .fetch_all(&self.pool)
        .await?;
        let read = rows.into_iter().map(|r| {
            let row = SignupRow {
                deal: r.deal,
                id: r.id,
                buyer: r.buyer,
                units: r.units,
                number: r.number,
                rev: r.rev,
                state: r.state,
                joined_at: r.joined_at,
            };
            Ok(DealSignup { signup: row.try_into()?, buyer_name: r.name })
        });
        let signups = read.collect::<Result<Vec<_>, StoreError>>()?;
        let place = |s: &DealSignup| Cursor { at: s.signup.joined_at, id: s.signup.id.as_uuid() };
        Ok(Some(Page::cut(signups, page, place)))
    }
}
