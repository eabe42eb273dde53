//! The domain: deals, signups and coupons, their states and their rules.
//!
//! Owns the rules of the core that can be decided without Redis and Postgres. Slices have their rules in `rules.rs`.
//! Must never do I/O, be async, or read the clock or a random number generator: callers pass in times and ids. Each
//! type checks its value when it is constructed, so no caller checks it again.

pub mod coupon;
pub mod coupon_code;
pub mod deal;
pub mod email;
pub mod idempotency;
pub mod ids;
pub mod lifecycle;
pub mod merchant;
pub mod money;
pub mod problem;
pub mod progress;
pub mod signup;
pub mod terms;
pub mod till;

pub use coupon::CouponState;
pub use coupon_code::{CouponCode, CouponForm};
pub use deal::Deal;
pub use email::Email;
pub use idempotency::IdempotencyKey;
pub use ids::{AccountId, CouponId, DealId, MerchantId, SignupId, TokenId};
pub use lifecycle::{DealEvent, Lifecycle, LifecycleColumns, NoSuchTransition};
pub use merchant::{Merchant, StaffOf};
pub use money::{Currency, Money};
pub use problem::{FieldProblem, FieldProblemKind};
pub use progress::{DealState, Figures, Progress};
pub use signup::{JoinOutcome, JoinRequest, Joined, LeaveOutcome, Refusal, Signup, SignupState, Units};
pub use terms::{Terms, TermsForm};
pub use till::Till;
