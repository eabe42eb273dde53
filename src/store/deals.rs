//! Writes drafts, and reads deals.

use std::sync::Arc;

use sqlx::query_as;
use uuid::Uuid;

use super::deal_reads::DealReads;
use super::deal_rows::{DealRow, ProgressRow, deals, deals_by_id};
use super::{Cursor, Page, PageRequest, Store, StoreError};
use crate::domain::{Deal, DealId, DealState, MerchantId, Progress, Terms};

/// A filter for deals. The default matches every deal that was ever published.
#[derive(Clone, Debug, Default)]
pub struct DealFilter {
    /// Empty: any state.
    pub states: Vec<DealState>,
    /// An exact match.
    pub city: Option<String>,
    /// An exact match.
    pub category: Option<String>,
    /// A text to find in title, description, city or category, ignoring case.
    pub text: Option<String>,
    /// Only open deals that have at least four fifths of their tipping point.
    pub almost_there: bool,
    /// Only deals of these merchants, drafts included.
    pub merchants: Option<Vec<MerchantId>>,
    pub order: DealOrder,
}

/// The order of a list of deals.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DealOrder {
    /// By closing time, soonest first.
    #[default]
    EndingSoon,
    /// By creation time, newest first.
    Newest,
}

/// The cities and categories by which people can filter deals.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facets {
    /// Sorted by name.
    pub cities: Vec<String>,
    /// Sorted by name.
    pub categories: Vec<String>,
}

/// A change of a deal.
#[derive(Clone, Debug)]
pub enum DealChange {
    /// New terms. Allowed only for drafts.
    Terms(Box<Terms>),
    /// New texts. Allowed in any state.
    Texts { title: String, description: String },
}

/// The outcome of changing a deal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UpdateOutcome {
    /// The deal after the change.
    Updated(Box<Deal>),
    /// The deal is unknown, or belongs to another merchant.
    NoSuchDeal,
    /// The deal was changed since the caller read it.
    Changed,
    /// The terms are fixed, because the deal is not a draft.
    Published,
}

impl Store {
    /// A deal in any state. Concurrent calls share one read.
    pub async fn deal(&self, id: DealId) -> Result<Option<Deal>, StoreError> {
        Ok(self.shared_deal(id).await?.map(Arc::unwrap_or_clone))
    }

    /// [`Store::deal`] without a copy. All calls that share a read get the same `Arc`, and an unchanged deal keeps it
    /// for a moment.
    pub async fn shared_deal(&self, id: DealId) -> Result<Option<Arc<Deal>>, StoreError> {
        self.deal_reads.read(id, || DealReads::new(self.pool.clone())).await
    }

    /// The deals with these ids, in any order. Unknown ids are left out.
    pub async fn deals_by_id(&self, ids: &[DealId]) -> Result<Vec<Deal>, StoreError> {
        deals_by_id(&self.pool, ids).await
    }

    /// A page of the deals that match.
    pub async fn deals(&self, filter: &DealFilter, page: &PageRequest) -> Result<Page<Deal>, StoreError> {
        let states: Vec<String> = filter.states.iter().map(|state| state.as_str().to_owned()).collect();
        let merchants = filter.merchants.as_deref().map(uuids);
        let text = filter.text.as_deref().map(like);
        let (city, category) = (filter.city.as_deref(), filter.category.as_deref());
        let (at, id) = page.after();
        let rows = match filter.order {
            DealOrder::EndingSoon => {
                deals!(
                    "WHERE (cardinality($1::text[]) = 0 OR d.state = ANY ($1))
                       AND (d.merchant = ANY ($2) OR ($2::uuid[] IS NULL AND d.published_at IS NOT NULL))
                       AND ($3::text IS NULL OR d.city = $3) AND ($4::text IS NULL OR d.category = $4)
                       AND ($5::text IS NULL OR concat_ws(' ', d.title, d.description, d.city, d.category) ILIKE $5)
                       AND (NOT $6::boolean OR (d.state = 'open' AND d.buyers * 5::bigint >= d.tipping_point * 4::bigint))
                       AND ($7::timestamptz IS NULL OR (d.closes_at, d.id) > ($7, $8::uuid))
                     ORDER BY d.closes_at, d.id LIMIT $9",
                    &states, merchants.as_deref(), city, category, text, filter.almost_there, at, id, page.fetch()
                )
                .fetch_all(&self.pool)
                .await?
            }
            DealOrder::Newest => {
                deals!(
                    "WHERE (cardinality($1::text[]) = 0 OR d.state = ANY ($1))
                       AND (d.merchant = ANY ($2) OR ($2::uuid[] IS NULL AND d.published_at IS NOT NULL))
                       AND ($3::text IS NULL OR d.city = $3) AND ($4::text IS NULL OR d.category = $4)
                       AND ($5::text IS NULL OR concat_ws(' ', d.title, d.description, d.city, d.category) ILIKE $5)
                       AND (NOT $6::boolean OR (d.state = 'open' AND d.buyers * 5::bigint >= d.tipping_point * 4::bigint))
                       AND ($7::timestamptz IS NULL OR (d.created_at, d.id) < ($7, $8::uuid))
                     ORDER BY d.created_at DESC, d.id DESC LIMIT $9",
                    &states, merchants.as_deref(), city, category, text, filter.almost_there, at, id, page.fetch()
                )
                .fetch_all(&self.pool)
                .await?
            }
        };
        let deals = rows.into_iter().map(Deal::try_from).collect::<Result<Vec<_>, _>>()?;
        Ok(Page::cut(deals, page, |deal| Cursor {
            at: match filter.order {
                DealOrder::EndingSoon => deal.terms.closes_at,
                DealOrder::Newest => deal.created_at,
            },
            id: deal.id.as_uuid(),
        }))
    }

    /// The cities and categories of open and tipped deals.
    pub async fn facets(&self) -> Result<Facets, StoreError> {
        let row = sqlx::query!(
            r#"SELECT coalesce(array_agg(DISTINCT city ORDER BY city) FILTER (WHERE city IS NOT NULL), '{}') AS "cities!",
                      coalesce(array_agg(DISTINCT category ORDER BY category) FILTER (WHERE category IS NOT NULL), '{}') AS "categories!"
                 FROM deals WHERE state IN ('open', 'tipped')"#
        )
        .fetch_one(&self.pool)
        .await?;
        Ok(Facets { cities: row.cities, categories: row.categories })
    }

    /// The figures of these deals. Unknown ids are left out.
    pub async fn progress_of(&self, ids: &[DealId]) -> Result<Vec<Progress>, StoreError> {
        let ids: Vec<_> = ids.iter().map(|id| id.as_uuid()).collect();
        let rows = query_as!(
            ProgressRow,
            "SELECT d.id, e.epoch, d.rev, d.state, d.buyers, d.units, d.tipping_point, d.cap, d.closes_at
               FROM deals AS d CROSS JOIN epoch AS e WHERE d.id = ANY ($1)",
            &ids
        )
        .fetch_all(&self.pool)
        .await?;
        rows.into_iter().map(Progress::try_from).collect()
    }

    /// Creates a draft. `picture` is the name of a picture that Muster ships.
    pub async fn create_deal(
        &self,
        merchant: MerchantId,
        terms: &Terms,
        picture: Option<&str>,
    ) -> Result<Deal, StoreError> {
        let id = DealId::generate();
        self.insert_deal(id, merchant, terms, picture).await?;
        self.deal(id).await?.ok_or_else(|| StoreError::Broken(sqlx::Error::RowNotFound))
    }

    /// Creates a draft with this id.
    pub(super) async fn insert_deal(
        &self,
        id: DealId,
        merchant: MerchantId,
        terms: &Terms,
        picture: Option<&str>,
    ) -> Result<(), StoreError> {
        sqlx::query!(
            "INSERT INTO deals (id, merchant, title, description, price, face_value, currency, tipping_point, cap,
                                per_buyer_max, opens_at, closes_at, time_zone, coupon_expires_at, city, category, picture)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)",
            id.as_uuid(),
            merchant.as_uuid(),
            terms.title,
            terms.description,
            terms.price.amount(),
            terms.face_value.amount(),
            terms.price.currency().code(),
            terms.tipping_point.cast_signed(),
            terms.cap.map(u32::cast_signed),
            terms.per_buyer_max.cast_signed(),
            terms.opens_at,
            terms.closes_at,
            terms.time_zone.name(),
            terms.coupon_expires_at,
            terms.city,
            terms.category,
            picture
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// Changes a merchant's deal if its version is `expected_version`.
    pub async fn update_deal(
        &self,
        merchant: MerchantId,
        id: DealId,
        expected_version: i64,
        change: &DealChange,
    ) -> Result<UpdateOutcome, StoreError> {
        let changed = match change {
            DealChange::Texts { title, description } => sqlx::query!(
                "UPDATE deals SET title = $4, description = $5, version = version + 1
                  WHERE id = $1 AND merchant = $2 AND version = $3",
                id.as_uuid(),
                merchant.as_uuid(),
                expected_version,
                title,
                description
            )
            .execute(&self.pool)
            .await?
            .rows_affected(),
            DealChange::Terms(terms) => sqlx::query!(
                "UPDATE deals
                    SET title = $4, description = $5, price = $6, face_value = $7, currency = $8, tipping_point = $9, cap = $10,
                        per_buyer_max = $11, opens_at = $12, closes_at = $13, time_zone = $14, coupon_expires_at = $15,
                        city = $16, category = $17, version = version + 1, rev = rev + 1, changed_at = muster_now()
                  WHERE id = $1 AND merchant = $2 AND version = $3 AND state = 'draft'",
                id.as_uuid(),
                merchant.as_uuid(),
                expected_version,
                terms.title,
                terms.description,
                terms.price.amount(),
                terms.face_value.amount(),
                terms.price.currency().code(),
                terms.tipping_point.cast_signed(),
                terms.cap.map(u32::cast_signed),
                terms.per_buyer_max.cast_signed(),
                terms.opens_at,
                terms.closes_at,
                terms.time_zone.name(),
                terms.coupon_expires_at,
                terms.city,
                terms.category
            )
            .execute(&self.pool)
            .await?
            .rows_affected(),
        };
        let deal = self.deal(id).await?.filter(|deal| deal.merchant == merchant);
        Ok(match deal {
            None => UpdateOutcome::NoSuchDeal,
            Some(deal) if changed > 0 => UpdateOutcome::Updated(Box::new(deal)),
            Some(deal) if deal.version != expected_version => UpdateOutcome::Changed,
            Some(_) => UpdateOutcome::Published,
        })
    }
}

/// The ids as `uuid[]`.
pub(super) fn uuids(merchants: &[MerchantId]) -> Vec<Uuid> {
    merchants.iter().map(|merchant| merchant.as_uuid()).collect()
}

/// A LIKE pattern that finds the text anywhere, with its wildcards escaped.
fn like(text: &str) -> String {
    let escaped = text.replace('\\', r"\\").replace('%', r"\%").replace('_', r"\_");
    format!("%{escaped}%")
}
