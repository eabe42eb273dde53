//! Prepares load tests: published deals, and buyers with tokens.

use chrono::TimeDelta;
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};

use super::people::{self, PeopleError, Simulated};
use crate::domain::{AccountId, DealId, FieldProblem, Merchant, MerchantId, Terms, TermsForm};
use crate::engine::{Engine, PublishOutcome};
use crate::store::{Store, StoreError};

/// The deals and buyers that a load test needs.
#[derive(Clone, Copy, Debug)]
pub struct LoadSpec {
    /// Number of buyers.
    pub buyers: usize,
    /// Number of deals, all with the terms below.
    pub deals: usize,
    /// Cap of each deal, in units.
    pub cap: Option<u32>,
    /// Tipping point of each deal, in buyers.
    pub tipping_point: u32,
    /// Maximum units per buyer and deal.
    pub per_buyer_max: u32,
    /// Time until the deals close.
    pub open_for: TimeDelta,
}

/// The deals and buyers of a load test, in the JSON format that the k6 scripts read.
#[derive(Debug, Serialize, Deserialize)]
pub struct Prepared {
    /// The owner of the merchant of all deals.
    pub merchant: Person,
    /// Open deals.
    pub deals: Vec<DealId>,
    /// Buyers who have not joined any deal.
    pub buyers: Vec<Person>,
}

/// An account with a token. Serializing it reveals the token.
#[derive(Debug, Serialize, Deserialize)]
pub struct Person {
    /// The account.
    pub id: AccountId,
    /// A bearer token for the API.
    pub token: String,
}

/// Why a load test could not be prepared.
#[derive(Debug, thiserror::Error)]
pub enum PrepareError {
    /// The terms are invalid.
    #[error("invalid terms: {}", messages(.0))]
    Terms(Vec<FieldProblem>),
    /// A deal was not published.
    #[error("cannot publish a deal: {0:?}")]
    Publish(Box<PublishOutcome>),
    /// The accounts could not be created.
    #[error(transparent)]
    People(#[from] PeopleError),
    /// The database was unavailable.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Creates the deals and buyers. Calls `report` with the number of buyers created so far.
///
/// # Errors
/// The terms are invalid, or the database was unavailable.
pub async fn prepare(
    engine: &Engine,
    store: &Store,
    spec: LoadSpec,
    report: impl Fn(usize),
) -> Result<Prepared, PrepareError> {
    let now = store.ping().await?;
    let form = TermsForm {
        title: "Load test".to_owned(),
        price: "10.00".to_owned(),
        face_value: "20.00".to_owned(),
        currency: "USD".to_owned(),
        tipping_point: Some(spec.tipping_point.into()),
        cap: spec.cap.map(i64::from),
        per_buyer_max: Some(spec.per_buyer_max.into()),
        opens_at: Some(now - TimeDelta::seconds(1)),
        closes_at: Some(now + spec.open_for),
        time_zone: "UTC".to_owned(),
        coupon_expires_at: Some(now + spec.open_for + TimeDelta::days(30)),
        ..TermsForm::default()
    };
    let terms = Terms::parse(&form, now).map_err(PrepareError::Terms)?;
    let owner = people::simulate(store, 1, |_| {}).await?.swap_remove(0);
    let merchant = Merchant { id: MerchantId::generate(), name: "Load test".to_owned() };
    store.create_merchants(&[(merchant.clone(), owner.account)]).await?;
    let mut deals = Vec::new();
    for _ in 0..spec.deals {
        let draft = store.create_deal(merchant.id, &terms, None).await?;
        match engine.publish(merchant.id, draft.id).await? {
            PublishOutcome::Published(deal) => deals.push(deal.id),
            refused => return Err(PrepareError::Publish(Box::new(refused))),
        }
    }
    let buyers = people::simulate(store, spec.buyers, report).await?;
    Ok(Prepared { merchant: person(&owner), deals, buyers: buyers.iter().map(person).collect() })
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
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}
