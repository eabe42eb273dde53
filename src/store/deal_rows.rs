//! Selects rows of `deals`, and converts them.

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use sqlx::{PgExecutor, query_as};
use uuid::Uuid;

use super::error::{StoreError, unreadable};
use crate::domain::{Currency, Deal, DealId, DealState, Lifecycle, LifecycleColumns, Money, Progress, Terms};

/// A row of `deals` with its merchant's name and the epoch.
pub(super) struct DealRow {
    pub(super) id: Uuid,
    pub(super) merchant: Uuid,
    pub(super) merchant_name: String,
    pub(super) epoch: i64,
    pub(super) rev: i64,
    pub(super) buyers: i32,
    pub(super) units: i32,
    pub(super) state: String,
    pub(super) title: String,
    pub(super) description: String,
    pub(super) price: Decimal,
    pub(super) face_value: Decimal,
    pub(super) currency: String,
    pub(super) tipping_point: i32,
    pub(super) cap: Option<i32>,
    pub(super) per_buyer_max: i32,
    pub(super) opens_at: DateTime<Utc>,
    pub(super) closes_at: DateTime<Utc>,
    pub(super) time_zone: String,
    pub(super) coupon_expires_at: DateTime<Utc>,
    pub(super) city: Option<String>,
    pub(super) category: Option<String>,
    pub(super) picture: Option<String>,
    pub(super) version: i64,
    pub(super) created_at: DateTime<Utc>,
    pub(super) published_at: Option<DateTime<Utc>>,
    pub(super) tipped_at: Option<DateTime<Utc>>,
    pub(super) ended_at: Option<DateTime<Utc>>,
    pub(super) withdrawn_reason: Option<String>,
}

impl TryFrom<DealRow> for Deal {
    type Error = StoreError;

    fn try_from(row: DealRow) -> Result<Self, StoreError> {
        let currency = Currency::parse(&row.currency).ok_or_else(|| unreadable("currency"))?;
        let money = |field, amount| Money::new(field, amount, currency).map_err(|_| unreadable(field));
        let progress = Progress {
            deal: row.id.into(),
            epoch: row.epoch,
            rev: row.rev,
            state: DealState::parse(&row.state).ok_or_else(|| unreadable("state"))?,
            buyers: row.buyers.cast_unsigned(),
            units: row.units.cast_unsigned(),
            tipping_point: row.tipping_point.cast_unsigned(),
            cap: row.cap.map(i32::cast_unsigned),
            closes_at: row.closes_at,
        };
        let columns = LifecycleColumns {
            published_at: row.published_at,
            tipped_at: row.tipped_at,
            ended_at: row.ended_at,
            withdrawn_reason: row.withdrawn_reason,
        };
        let lifecycle = Lifecycle::read(progress.state, columns).ok_or_else(|| unreadable("lifecycle"))?;
        let terms = Terms {
            title: row.title,
            description: row.description,
            price: money("price", row.price)?,
            face_value: money("face_value", row.face_value)?,
            tipping_point: progress.tipping_point,
            cap: progress.cap,
            per_buyer_max: row.per_buyer_max.cast_unsigned(),
            opens_at: row.opens_at,
            closes_at: row.closes_at,
            time_zone: row.time_zone.parse().map_err(|_| unreadable("time_zone"))?,
            coupon_expires_at: row.coupon_expires_at,
            city: row.city,
            category: row.category,
        };
        Ok(Self {
            id: row.id.into(),
            merchant: row.merchant.into(),
            merchant_name: row.merchant_name,
            terms,
            progress,
            picture: row.picture,
            version: row.version,
            created_at: row.created_at,
            lifecycle,
        })
    }
}

/// Selects a [`DealRow`] for each deal that meets a condition.
macro_rules! deals {
    ($condition:literal, $($argument:expr),*) => {
        query_as!(
            DealRow,
            r#"SELECT d.id, d.merchant, m.name AS merchant_name, e.epoch, d.rev, d.buyers, d.units, d.state, d.title,
                      d.description, d.price, d.face_value, d.currency, d.tipping_point, d.cap, d.per_buyer_max, d.opens_at,
                      d.closes_at, d.time_zone, d.coupon_expires_at, d.city, d.category, d.picture, d.version, d.created_at,
                      d.published_at, d.tipped_at, d.ended_at, d.withdrawn_reason
                 FROM deals AS d JOIN merchants AS m ON m.id = d.merchant CROSS JOIN epoch AS e "#
                + $condition,
            $($argument),*
        )
    };
}
pub(super) use deals;

/// The deals with these ids, in any order. Unknown ids are left out.
pub(super) async fn deals_by_id(executor: impl PgExecutor<'_>, ids: &[DealId]) -> Result<Vec<Deal>, StoreError> {
    let rows = match ids {
        // The plan for one id is cached. A list of ids is planned for each call.
        [id] => deals!("WHERE d.id = $1", id.as_uuid()).fetch_all(executor).await?,
        ids => {
            let ids: Vec<_> = ids.iter().map(|id| id.as_uuid()).collect();
            deals!("WHERE d.id = ANY ($1)", &ids).fetch_all(executor).await?
        }
    };
    rows.into_iter().map(Deal::try_from).collect()
}

/// The figures of a deal and the epoch.
pub(super) struct ProgressRow {
    pub(super) id: Uuid,
    pub(super) epoch: i64,
    pub(super) rev: i64,
    pub(super) state: String,
    pub(super) buyers: i32,
    pub(super) units: i32,
    pub(super) tipping_point: i32,
    pub(super) cap: Option<i32>,
    pub(super) closes_at: DateTime<Utc>,
}

impl TryFrom<ProgressRow> for Progress {
    type Error = StoreError;

    fn try_from(row: ProgressRow) -> Result<Self, StoreError> {
        Ok(Self {
            deal: row.id.into(),
            epoch: row.epoch,
            rev: row.rev,
            state: DealState::parse(&row.state).ok_or_else(|| unreadable("state"))?,
            buyers: row.buyers.cast_unsigned(),
            units: row.units.cast_unsigned(),
            tipping_point: row.tipping_point.cast_unsigned(),
            cap: row.cap.map(i32::cast_unsigned),
            closes_at: row.closes_at,
        })
    }
}
