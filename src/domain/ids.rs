//! Identifiers: one type per thing, so that a deal's id cannot be passed where a buyer's is meant.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::signup::IdempotencyKey;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl $name {
            /// A new id that sorts by the time it was made (UUID version 7).
            #[must_use]
            pub fn generate() -> Self {
                Self(Uuid::now_v7())
            }

            /// The id as a plain UUID, for the wire and the database.
            #[must_use]
            pub const fn as_uuid(self) -> Uuid {
                self.0
            }
        }

        impl From<Uuid> for $name {
            fn from(id: Uuid) -> Self {
                Self(id)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Uuid::parse_str(text).map(Self)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

id!(
    /// A deal.
    DealId
);
id!(
    /// An account: a buyer, a merchant or an operator.
    AccountId
);
id!(
    /// A signup: one buyer's place in one deal.
    SignupId
);
id!(
    /// A coupon.
    CouponId
);
id!(
    /// An API token.
    TokenId
);

impl SignupId {
    /// The id of the signup that this buyer's request with this key makes, now or in any retry, on any node.
    ///
    /// A UUID version 8 from the first 128 bits of SHA-256 over deal, buyer and key. Deal and buyer have a fixed length, so
    /// no two different triples hash the same bytes.
    #[must_use]
    pub fn derive(deal: DealId, buyer: AccountId, key: &IdempotencyKey) -> Self {
        derived(&[deal.0.as_bytes(), buyer.0.as_bytes(), key.as_str().as_bytes()]).into()
    }
}

impl CouponId {
    /// The id of a signup's coupon with this ordinal (1 to the signup's units): settling twice makes the same coupons.
    #[must_use]
    pub fn derive(signup: SignupId, ordinal: u32) -> Self {
        derived(&[b"coupon", signup.0.as_bytes(), &ordinal.to_be_bytes()]).into()
    }
}

fn derived(parts: &[&[u8]]) -> Uuid {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part);
    }
    let mut bytes = [0; 16];
    for (to, from) in bytes.iter_mut().zip(hash.finalize()) {
        *to = from;
    }
    Uuid::new_v8(bytes)
}

#[cfg(test)]
#[path = "ids_tests.rs"]
mod tests;
