//! What a load test begins with: a published deal, and people with tokens who may join it, in a file for k6.

use chrono::TimeDelta;
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};

use super::people::{self, PeopleError, Simulated};
use crate::domain::{AccountId, DealId, FieldProblem, Role, Terms, TermsForm};
use crate::engine::{Engine, PublishOutcome};
use crate::store::{Store, StoreError};

/// What a load test wants.
#[derive(Clone, Copy, Debug)]
pub struct Wish {
    /// Buyers with tokens.
    pub buyers: usize,
    /// Deals, all alike.
    pub deals: usize,
    /// The most units that each deal sells.
    pub cap: Option<u32>,
    /// Buyers that make each deal happen.
    pub tipping_point: u32,
    /// The most units of one buyer in one deal.
    pub per_buyer_max: u32,
    /// How long they are open.
    pub open_for: TimeDelta,
}

/// What it gets.
#[derive(Debug, Serialize, Deserialize)]
pub struct Prepared {
    /// The deals' merchant.
    pub merchant: Person,
    /// The deals, open.
    pub deals: Vec<DealId>,
    /// The buyers.
    pub buyers: Vec<Person>,
}

/// Somebody and the token that proves it. The file with them is a secret as long as the servers live.
#[derive(Debug, Serialize, Deserialize)]
pub struct Person {
    /// The account.
    pub id: AccountId,
    /// The token's text.
    pub token: String,
}

/// Why nothing was prepared.
#[derive(Debug, thiserror::Error)]
pub enum PrepareError {
    /// The wish makes no valid deal.
    #[error("no such deal can be made: {}", messages(.0))]
    Terms(Vec<FieldProblem>),
    /// The deal was not published.
    #[error("the deal was not published: {0:?}")]
    Publish(Box<PublishOutcome>),
    /// No people were made.
    #[error(transparent)]
    People(#[from] PeopleError),
    /// Postgres is away.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Makes it all, and tells how many buyers there are so far.
///
/// # Errors
/// The wish makes no valid deal, or Postgres is away.
pub async fn prepare(
    engine: &Engine,
    store: &Store,
    wish: Wish,
    made: impl Fn(usize),
) -> Result<Prepared, PrepareError> {
    let now = store.ping().await?;
    let form = TermsForm {
        title: "Load test".to_owned(),
        price: "10.00".to_owned(),
        face_value: "20.00".to_owned(),
        currency: "USD".to_owned(),
        tipping_point: Some(wish.tipping_point.into()),
        cap: wish.cap.map(i64::from),
        per_buyer_max: Some(wish.per_buyer_max.into()),
        opens_at: Some(now - TimeDelta::seconds(1)),
        closes_at: Some(now + wish.open_for),
        time_zone: "UTC".to_owned(),
        coupon_expires_at: Some(now + wish.open_for + TimeDelta::days(30)),
        ..TermsForm::default()
    };
    let terms = Terms::parse(&form, now).map_err(PrepareError::Terms)?;
    let mut merchants = people::simulate(store, 1, Role::Merchant, |_| {}).await?;
    let merchant = merchants.swap_remove(0);
    let mut deals = Vec::new();
    for _ in 0..wish.deals {
        let draft = store.create_deal(merchant.account, &terms, None).await?;
        match engine.publish(merchant.account, draft.id).await? {
            PublishOutcome::Published(deal) => deals.push(deal.id),
            refused => return Err(PrepareError::Publish(Box::new(refused))),
        }
    }
    let buyers = people::simulate(store, wish.buyers, Role::Buyer, made).await?;
    Ok(Prepared { merchant: person(&merchant), deals, buyers: buyers.iter().map(person).collect() })
}

impl From<Person> for Simulated {
    fn from(person: Person) -> Self {
        Self { account: person.id, token: person.token.into() }
    }
}

fn person(simulated: &Simulated) -> Person {
    Person { id: simulated.account, token: simulated.token.expose_secret().to_owned() }
}

fn messages(problems: &[FieldProblem]) -> String {
    problems.iter().map(|problem| problem.message.as_str()).collect::<Vec<_>>().join(" ")
}
