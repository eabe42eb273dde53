//! What a deal, a signup and a coupon are, and which changes between their states exist.
//!
//! Owns every rule that needs neither Redis nor Postgres to be decided. Must never do I/O, be async, or ask for the time:
//! whoever calls passes it in. A value of a type in here has been checked; nobody checks again.

pub mod access;
pub mod account;
pub mod coupon;
pub mod deal;
pub mod ids;
pub mod money;
pub mod problem;
pub mod progress;
pub mod signup;
pub mod terms;

pub use access::{Identity, Proof, Scope, Scopes, SecretHash, Token};
pub use account::{Account, Email, Role};
pub use coupon::{Coupon, CouponCode, CouponState};
pub use deal::{Deal, DealEvent, NoSuchTransition};
pub use ids::{AccountId, CouponId, DealId, SignupId, TokenId};
pub use money::{Currency, Money};
pub use problem::FieldProblem;
pub use progress::{DealState, Figures, Progress};
pub use signup::{IdempotencyKey, JoinOutcome, JoinRequest, Joined, LeaveOutcome, Refusal, Signup, SignupState, Units};
pub use terms::{Terms, TermsForm};
