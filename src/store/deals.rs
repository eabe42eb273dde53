//! Writing drafts, and reading deals.

use std::sync::Arc;

use sqlx::{PgExecutor, query_as};

use super::deal_rows::{DealRow, ProgressRow};
use super::{Cursor, Page, PageRequest, Store, StoreError};
use crate::domain::{AccountId, Deal, DealId, DealState, Progress, Terms};

/// Which deals a list shows. Empty: every deal that was published.
#[derive(Clone, Debug, Default)]
pub struct DealFilter {
    /// In one of these states; empty = in any.
    pub states: Vec<DealState>,
    /// In this city, exactly.
    pub city: Option<String>,
    /// Of this category, exactly.
    pub category: Option<String>,
    /// With this text in title, description, city or category, upper and lower case alike.
    pub text: Option<String>,
    /// Open, and at least four fifths of the way to the tipping point.
    pub almost_there: bool,
    /// Only this merchant's, and then drafts too.
    pub merchant: Option<AccountId>,
    /// In which order.
    pub order: DealOrder,
}

/// In which order deals are listed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DealOrder {
    /// Those that close first, first.
    #[default]
    EndingSoon,
    /// Those that were written last, first.
    Newest,
}

/// What there is to filter by among the deals that can be joined.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facets {
    /// Their cities, by name.
    pub cities: Vec<String>,
    /// Their categories, by name.
    pub categories: Vec<String>,
}

/// What is changed about a deal.
#[derive(Clone, Debug)]
pub enum DealChange {
    /// Everything: drafts only.
    Terms(Box<Terms>),
    /// Texts: in any state.
    Texts {
        /// The new title.
        title: String,
        /// The new description.
        description: String,
    },
}

/// What changing a deal came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UpdateOutcome {
    /// It is changed.
    Updated(Box<Deal>),
    /// This merchant has no such deal.
    NoSuchDeal,
    /// Somebody changed it meanwhile: read it again.
    Changed,
    /// It is published: its terms stay.
    Published,
}

macro_rules! deals {
    ($condition:literal, $($argument:expr),*) => {
        query_as!(
            DealRow,
            r#"SELECT d.id, d.merchant, a.name AS merchant_name, e.epoch, d.rev, d.buyers, d.units, d.state, d.title,
                      d.description, d.price, d.face_value, d.currency, d.tipping_point, d.cap, d.per_buyer_max, d.opens_at,
                      d.closes_at, d.time_zone, d.coupon_expires_at, d.city, d.category, d.picture, d.version, d.created_at,
                      d.published_at, d.tipped_at, d.ended_at, d.withdrawn_reason
                 FROM deals AS d JOIN accounts AS a ON a.id = d.merchant CROSS JOIN epoch AS e "#
                + $condition,
            $($argument),*
        )
    };
}

impl Store {
    /// A deal, in whatever state. Those who ask while others are being answered are answered together.
    ///
    /// # Errors
    /// Postgres is away.
    pub async fn deal(&self, id: DealId) -> Result<Option<Deal>, StoreError> {
        Ok(self.shared_deal(id).await?.map(Arc::unwrap_or_clone))
    }

    /// As [`Store::deal`]: the same one for all who were answered together, and for a moment as long as it does not change.
    ///
    /// # Errors
    /// Postgres is away.
    pub async fn shared_deal(&self, id: DealId) -> Result<Option<Arc<Deal>>, StoreError> {
        self.together.read(self, id).await
    }

    /// These deals, in no order; those that do not exist are left out.
    ///
    /// # Errors
    /// Postgres is away.
    pub async fn deals_by_id(&self, ids: &[DealId]) -> Result<Vec<Deal>, StoreError> {
        deals_by_id(&self.pool, ids).await
    }

    /// A list of deals.
    ///
    /// # Errors
    /// Postgres is away.
    pub async fn deals(&self, filter: &DealFilter, page: &PageRequest) -> Result<Page<Deal>, StoreError> {
        let states: Vec<String> = filter.states.iter().map(|state| state.as_str().to_owned()).collect();
        let merchant = filter.merchant.map(AccountId::as_uuid);
        let text = filter.text.as_deref().map(like);
        let (city, category) = (filter.city.as_deref(), filter.category.as_deref());
        let (at, id) = page.after();
        let rows = match filter.order {
            DealOrder::EndingSoon => {
                deals!(
                    "WHERE (cardinality($1::text[]) = 0 OR d.state = ANY ($1))
                       AND (d.merchant = $2 OR ($2::uuid IS NULL AND d.published_at IS NOT NULL))
                       AND ($3::text IS NULL OR d.city = $3) AND ($4::text IS NULL OR d.category = $4)
                       AND ($5::text IS NULL OR concat_ws(' ', d.title, d.description, d.city, d.category) ILIKE $5)
                       AND (NOT $6::boolean OR (d.state = 'open' AND d.buyers * 5::bigint >= d.tipping_point * 4::bigint))
                       AND ($7::timestamptz IS NULL OR (d.closes_at, d.id) > ($7, $8::uuid))
                     ORDER BY d.closes_at, d.id LIMIT $9",
                    &states, merchant, city, category, text, filter.almost_there, at, id, page.fetch()
                )
                .fetch_all(&self.pool)
                .await?
            }
            DealOrder::Newest => {
                deals!(
                    "WHERE (cardinality($1::text[]) = 0 OR d.state = ANY ($1))
                       AND (d.merchant = $2 OR ($2::uuid IS NULL AND d.published_at IS NOT NULL))
                       AND ($3::text IS NULL OR d.city = $3) AND ($4::text IS NULL OR d.category = $4)
                       AND ($5::text IS NULL OR concat_ws(' ', d.title, d.description, d.city, d.category) ILIKE $5)
                       AND (NOT $6::boolean OR (d.state = 'open' AND d.buyers * 5::bigint >= d.tipping_point * 4::bigint))
                       AND ($7::timestamptz IS NULL OR (d.created_at, d.id) < ($7, $8::uuid))
                     ORDER BY d.created_at DESC, d.id DESC LIMIT $9",
                    &states, merchant, city, category, text, filter.almost_there, at, id, page.fetch()
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

    /// What there is to filter by among the deals that can be joined.
    ///
    /// # Errors
    /// Postgres is away.
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

    /// The figures of these deals; those that do not exist are left out.
    ///
    /// # Errors
    /// Postgres is away.
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

    /// Writes a draft. `picture` is the name of a drawing that Muster ships.
    ///
    /// # Errors
    /// Postgres is away.
    pub async fn create_deal(
        &self,
        merchant: AccountId,
        terms: &Terms,
        picture: Option<&str>,
    ) -> Result<Deal, StoreError> {
        let id = DealId::generate();
        self.insert_deal(id, merchant, terms, picture).await?;
        self.deal(id).await?.ok_or_else(|| StoreError::Broken(sqlx::Error::RowNotFound))
    }

    /// Writes a draft with this id.
    pub(super) async fn insert_deal(
        &self,
        id: DealId,
        merchant: AccountId,
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

    /// Changes a deal that nobody changed since `expected_version`.
    ///
    /// # Errors
    /// Postgres is away.
    pub async fn update_deal(
        &self,
        merchant: AccountId,
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

/// A text as a pattern that finds it anywhere; its own wildcards stand for themselves.
fn like(text: &str) -> String {
    let escaped = text.replace('\\', r"\\").replace('%', r"\%").replace('_', r"\_");
    format!("%{escaped}%")
}

/// These deals, in no order; those that do not exist are left out.
pub(super) async fn deals_by_id(executor: impl PgExecutor<'_>, ids: &[DealId]) -> Result<Vec<Deal>, StoreError> {
    let rows = match ids {
        // A plan for one deal is made once; for a list of them it is made anew for each list.
        [id] => deals!("WHERE d.id = $1", id.as_uuid()).fetch_all(executor).await?,
        ids => {
            let ids: Vec<_> = ids.iter().map(|id| id.as_uuid()).collect();
            deals!("WHERE d.id = ANY ($1)", &ids).fetch_all(executor).await?
        }
    };
    rows.into_iter().map(Deal::try_from).collect()
}
