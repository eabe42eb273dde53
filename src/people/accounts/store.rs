//! Accounts, by id or by e-mail address.
#![expect(clippy::missing_errors_doc, reason = "`crate::store` says once what a StoreError means")]

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::rules::Account;
use crate::domain::{AccountId, Email, Merchant};
use crate::store::{Store, StoreError, unreadable};

/// An account to create.
#[derive(Clone, Debug)]
pub struct NewAccount {
    pub id: AccountId,
    /// The address that the owner signs in with.
    pub email: Email,
    /// The owner's name, as merchants and mails show it.
    pub name: String,
    /// Argon2id in PHC form. `None` if the owner cannot sign in with a password.
    pub password_hash: Option<String>,
}

/// The outcome of creating an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CreateAccountOutcome {
    Created(Account),
    /// Another account has this e-mail address.
    EmailTaken,
}

/// An account with its password hash.
#[derive(Clone)]
pub struct StoredAccount {
    pub account: Account,
    /// Argon2id in PHC form, if the account has a password.
    pub password_hash: Option<String>,
}

struct Row {
    id: Uuid,
    email: String,
    name: String,
    created_at: DateTime<Utc>,
}

impl TryFrom<Row> for Account {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.id.into(),
            email: Email::parse(&row.email).map_err(|_| unreadable("e-mail address"))?,
            name: row.name,
            created_at: row.created_at,
        })
    }
}

impl Store {
    /// Creates an account and, in the same statement, a merchant that it owns.
    pub async fn create_account(
        &self,
        new: &NewAccount,
        merchant: Option<&Merchant>,
    ) -> Result<CreateAccountOutcome, StoreError> {
        let row = sqlx::query_as!(
            Row,
            "WITH account AS (
                 INSERT INTO accounts (id, email, name, password_hash) VALUES ($1, $2, $3, $4)
                 ON CONFLICT ON CONSTRAINT accounts_email_is_taken DO NOTHING
                 RETURNING id, email, name, created_at
             ), merchant AS (
                 INSERT INTO merchants (id, name) SELECT $5, $6 FROM account WHERE $5::uuid IS NOT NULL RETURNING id
             ), owner AS (
                 INSERT INTO staff (merchant, account, role) SELECT m.id, a.id, 'owner' FROM merchant AS m, account AS a
             )
             SELECT id, email, name, created_at FROM account",
            new.id.as_uuid(),
            new.email.as_str(),
            new.name,
            new.password_hash,
            merchant.map(|merchant| merchant.id.as_uuid()),
            merchant.map(|merchant| merchant.name.as_str()),
        )
        .fetch_optional(self.pool())
        .await?;
        row.map_or(Ok(CreateAccountOutcome::EmailTaken), |row| row.try_into().map(CreateAccountOutcome::Created))
    }

    /// Creates accounts in one statement, for seeds and load tests. Skips accounts whose e-mail address is taken.
    /// Returns the number of accounts created.
    pub async fn create_accounts(&self, new: &[NewAccount]) -> Result<u64, StoreError> {
        let ids: Vec<Uuid> = new.iter().map(|account| account.id.as_uuid()).collect();
        let emails: Vec<String> = new.iter().map(|account| account.email.as_str().to_owned()).collect();
        let names: Vec<String> = new.iter().map(|account| account.name.clone()).collect();
        let hashes: Vec<Option<String>> = new.iter().map(|account| account.password_hash.clone()).collect();
        let created = sqlx::query!(
            "INSERT INTO accounts (id, email, name, password_hash)
             SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[])
             ON CONFLICT ON CONSTRAINT accounts_email_is_taken DO NOTHING",
            &ids,
            &emails,
            &names,
            &hashes as &[Option<String>],
        )
        .execute(self.pool())
        .await?;
        Ok(created.rows_affected())
    }

    pub async fn account(&self, id: AccountId) -> Result<Option<Account>, StoreError> {
        let row = sqlx::query_as!(Row, "SELECT id, email, name, created_at FROM accounts WHERE id = $1", id.as_uuid())
            .fetch_optional(self.pool())
            .await?;
        row.map(Account::try_from).transpose()
    }

    /// The account with this e-mail address, and its password hash.
    pub async fn account_by_email(&self, email: &Email) -> Result<Option<StoredAccount>, StoreError> {
        let row = sqlx::query!(
            "SELECT id, email, name, created_at, password_hash FROM accounts WHERE email = $1",
            email.as_str()
        )
        .fetch_optional(self.pool())
        .await?;
        row.map(|row| {
            let password_hash = row.password_hash;
            let row = Row { id: row.id, email: row.email, name: row.name, created_at: row.created_at };
            Ok(StoredAccount { account: row.try_into()?, password_hash })
        })
        .transpose()
    }
}
