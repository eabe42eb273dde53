//! Creates accounts and tokens in bulk. The accounts have no password: hashing 15,000 passwords would take many
//! minutes.

use secrecy::SecretString;

use super::names;
use crate::domain::{AccountId, Email, FieldProblem, TokenId};
use crate::people::FreshSecret;
use crate::people::Scopes;
use crate::people::{NewAccount, NewToken};
use crate::store::{Store, StoreError};

/// Rows per INSERT.
const CHUNK: usize = 1_000;

/// A simulated person with a token for the API.
#[derive(Clone, Debug)]
pub struct Simulated {
    pub account: AccountId,
    /// A bearer token for the API.
    pub token: SecretString,
}

/// Why accounts could not be created.
#[derive(Debug, thiserror::Error)]
pub enum PeopleError {
    /// The database was unavailable.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A generated e-mail address is invalid. This is a bug.
    #[error("{0}")]
    Email(FieldProblem),
}

/// Creates accounts, each with a token. Calls `report` with the number created so far after each chunk.
///
/// # Errors
/// The database was unavailable.
pub async fn simulate(store: &Store, count: usize, report: impl Fn(usize)) -> Result<Vec<Simulated>, PeopleError> {
    let mut people = Vec::with_capacity(count);
    while people.len() < count {
        let chunk = CHUNK.min(count - people.len());
        let accounts: Vec<NewAccount> = (0..chunk).map(|n| account(people.len() + n)).collect::<Result<_, _>>()?;
        let secrets: Vec<FreshSecret> = accounts.iter().map(|_| FreshSecret::token()).collect();
        let tokens: Vec<NewToken> =
            accounts.iter().zip(&secrets).map(|(account, secret)| token(account, secret)).collect();
        store.create_accounts(&accounts).await?;
        store.create_whole_tokens(&tokens).await?;
        let chunk = accounts.iter().zip(secrets);
        people.extend(chunk.map(|(account, secret)| Simulated { account: account.id, token: secret.text }));
        report(people.len());
    }
    Ok(people)
}

fn account(number: usize) -> Result<NewAccount, PeopleError> {
    let id = AccountId::generate();
    let (first, last) = names::first_and_last(number);
    // `.invalid` is reserved (RFC 2606), so no mail can be delivered.
    let email = Email::parse(&format!("{}-{id}@crowd.invalid", first.to_lowercase())).map_err(PeopleError::Email)?;
    Ok(NewAccount { id, email, name: format!("{first} {last}"), password_hash: None })
}

fn token(account: &NewAccount, secret: &FreshSecret) -> NewToken {
    NewToken {
        id: TokenId::generate(),
        account: account.id,
        hash: secret.hash,
        label: "simulated".to_owned(),
        scopes: Scopes::WHOLE,
        expires_at: None,
    }
}
