//! Generates ids: UUIDs of version 7. They sort by creation time, so new rows are adjacent in their index.

use uuid::Uuid;

use crate::domain::{AccountId, CouponId, DealId, MerchantId, SignupId, TokenId};

macro_rules! generated {
    ($($id:ident),*) => {
        $(impl $id {
            /// A new id (UUID version 7).
            #[must_use]
            pub fn generate() -> Self {
                Uuid::now_v7().into()
            }
        })*
    };
}

generated!(AccountId, CouponId, DealId, MerchantId, SignupId, TokenId);
