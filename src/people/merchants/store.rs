//! Merchants and their owners.
#![expect(clippy::missing_errors_doc, reason = "`crate::store` says once what a StoreError means")]

use uuid::Uuid;

use crate::domain::{AccountId, Merchant};
use crate::store::{Store, StoreError};

impl Store {
    /// Creates merchants with their owners in one statement. Skips merchants that exist.
    pub async fn create_merchants(&self, new: &[(Merchant, AccountId)]) -> Result<(), StoreError> {
        let ids: Vec<Uuid> = new.iter().map(|(merchant, _)| merchant.id.as_uuid()).collect();
        let names: Vec<String> = new.iter().map(|(merchant, _)| merchant.name.clone()).collect();
        let owners: Vec<Uuid> = new.iter().map(|(_, owner)| owner.as_uuid()).collect();
        sqlx::query!(
            "WITH new AS (
                 SELECT * FROM unnest($1::uuid[], $2::text[], $3::uuid[]) AS n (id, name, owner)
             ), merchant AS (
                 INSERT INTO merchants (id, name) SELECT id, name FROM new ON CONFLICT DO NOTHING RETURNING id
             )
             INSERT INTO staff (merchant, account, role)
             SELECT m.id, n.owner, 'owner' FROM merchant AS m JOIN new AS n ON n.id = m.id",
            &ids,
            &names,
            &owners,
        )
        .execute(self.pool())
        .await?;
        Ok(())
    }

    /// The merchants that an account is staff of, by name.
    pub async fn merchants_of(&self, account: AccountId) -> Result<Vec<Merchant>, StoreError> {
        let rows = sqlx::query!(
            "SELECT m.id, m.name FROM staff AS s JOIN merchants AS m ON m.id = s.merchant WHERE s.account = $1
              ORDER BY m.name, m.id",
            account.as_uuid()
        )
        .fetch_all(self.pool())
        .await?;
        Ok(rows.into_iter().map(|row| Merchant { id: row.id.into(), name: row.name }).collect())
    }
}
