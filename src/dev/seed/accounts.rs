//! Accounts of the sample deals: shops, buyers, and two demo accounts for signing in.

use secrecy::SecretString;

use super::{SeedError, Seeder, buyers, editions};
use crate::dev::samples::{DEMO_SHOP, Shop};
use crate::domain::{AccountId, Email, FieldProblem, Merchant, MerchantId};
use crate::people::NewAccount;
use crate::people::SignUpRequest;

/// An account for signing in during development.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DemoAccount {
    /// Display name.
    pub name: &'static str,
    /// E-mail address to sign in with.
    pub email: &'static str,
    /// The password. It is public, so only `muster dev` and `muster seed` create the account.
    pub password: &'static str,
    /// Whether the account owns a merchant of the same name.
    pub is_merchant: bool,
}

/// A buyer who has joined deals in several states and has coupons.
pub const DEMO_BUYER: DemoAccount =
    DemoAccount { name: "Robin Market", email: "buyer@demo.example", password: "try-muster", is_merchant: false };

/// The owner of a merchant that has deals in several states and coupons to redeem.
pub const DEMO_MERCHANT: DemoAccount =
    DemoAccount { name: DEMO_SHOP.name, email: "merchant@demo.example", password: "try-muster", is_merchant: true };

/// The accounts that a sample deal refers to by name.
pub(super) struct People {
    pub(super) merchant: MerchantId,
    /// The merchant's owner.
    pub(super) owner: AccountId,
    pub(super) demo_buyer: AccountId,
}

impl Seeder<'_> {
    /// Signs up the demo accounts that do not exist.
    pub(super) async fn sign_up_demo_accounts(&self) -> Result<(), SeedError> {
        for demo in [DEMO_BUYER, DEMO_MERCHANT] {
            if self.account_of(demo.email).await?.is_none() {
                let password = SecretString::from(demo.password);
                let role = demo.is_merchant.then_some("merchant");
                let person = SignUpRequest::parse(demo.email, password, demo.name, role);
                // A concurrent seeding may have taken the address, which is no error.
                self.auth.sign_up(person.map_err(broken)?).await?;
            }
        }
        Ok(())
    }

    /// The people of this shop's deals. Creates the merchant and its owner if necessary.
    pub(super) async fn people(&self, shop: &'static Shop) -> Result<People, SeedError> {
        let email = if shop.handle == DEMO_SHOP.handle {
            DEMO_MERCHANT.email.to_owned()
        } else {
            format!("{}@sample.invalid", shop.handle)
        };
        if self.account_of(&email).await?.is_none() {
            let account = NewAccount {
                id: editions::derived(&["shop", shop.handle]).into(),
                email: Email::parse(&email).map_err(|problem| broken(vec![problem]))?,
                name: shop.name.to_owned(),
                password_hash: None,
            };
            let id = editions::derived(&["merchant", shop.handle]).into();
            let merchant = Merchant { id, name: shop.name.to_owned() };
            self.store.create_account(&account, Some(&merchant)).await?;
        }
        let missing = |who: &'static str| SeedError::Unexpected {
            sample: who,
            verb: "signing up",
            outcome: "no account".to_owned(),
        };
        let owner = self.account_of(&email).await?.ok_or_else(|| missing(shop.name))?;
        let merchant = self.store.merchants_of(owner).await?.first().map(|merchant| merchant.id);
        let merchant = merchant.ok_or_else(|| missing(shop.name))?;
        let demo_buyer = self.account_of(DEMO_BUYER.email).await?.ok_or_else(|| missing(DEMO_BUYER.name))?;
        Ok(People { merchant, owner, demo_buyer })
    }

    /// Creates the sample buyers that do not exist.
    pub(super) async fn create_sample_buyers(&self) -> Result<(), SeedError> {
        let buyers = buyers::sample_buyers().map_err(|problem| broken(vec![problem]))?;
        self.store.create_accounts(&buyers).await?;
        Ok(())
    }

    async fn account_of(&self, email: &str) -> Result<Option<AccountId>, SeedError> {
        let email = Email::parse(email).map_err(|problem| broken(vec![problem]))?;
        Ok(self.store.account_by_email(&email).await?.map(|stored| stored.account.id))
    }
}

fn broken(problems: Vec<FieldProblem>) -> SeedError {
    SeedError::Sample { sample: "accounts", problems }
}
