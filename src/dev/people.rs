//! Accounts and tokens in bulk: hashing 15,000 passwords would take an hour, so these have none.

use secrecy::SecretString;

use super::names;
use crate::auth::FreshSecret;
use crate::domain::{AccountId, Email, FieldProblem, Role, Scopes, TokenId};
use crate::store::{NewAccount, NewToken, Store, StoreError};

/// So many rows go to Postgres at once.
const CHUNK: usize = 1_000;

/// Somebody who can be told apart from a real person only by the e-mail address.
#[derive(Clone, Debug)]
pub struct Simulated {
    /// The account.
    pub account: AccountId,
    /// What it shows to prove who it is.
    pub token: SecretString,
}

/// Why nobody was made.
#[derive(Debug, thiserror::Error)]
pub enum PeopleError {
    /// Postgres is away.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// An invented address is none.
    #[error("{}", .0.message)]
    Email(FieldProblem),
}

/// Makes so many accounts, each with a token, and tells after each chunk how many there are.
///
/// # Errors
/// Postgres is away.
pub async fn simulate(
    store: &Store,
    count: usize,
    role: Role,
    made: impl Fn(usize),
) -> Result<Vec<Simulated>, PeopleError> {
    let mut people = Vec::with_capacity(count);
    while people.len() < count {
        let chunk = CHUNK.min(count - people.len());
        let accounts: Vec<NewAccount> =
            (0..chunk).map(|n| account(people.len() + n, role)).collect::<Result<_, _>>()?;
        let secrets: Vec<FreshSecret> = accounts.iter().map(|_| FreshSecret::token()).collect();
        let tokens: Vec<NewToken> =
            accounts.iter().zip(&secrets).map(|(account, secret)| token(account, secret)).collect();
        store.create_accounts(&accounts).await?;
        store.create_whole_tokens(&tokens).await?;
        let chunk = accounts.iter().zip(secrets);
        people.extend(chunk.map(|(account, secret)| Simulated { account: account.id, token: secret.text }));
        made(people.len());
    }
    Ok(people)
}

fn account(number: usize, role: Role) -> Result<NewAccount, PeopleError> {
    let id = AccountId::generate();
    let (first, last) = names::first_and_last(number);
    // Nobody receives mail under `.invalid`.
    let email = Email::parse(&format!("{}-{id}@crowd.invalid", first.to_lowercase())).map_err(PeopleError::Email)?;
    Ok(NewAccount { id, email, name: format!("{first} {last}"), role, password_hash: None })
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
