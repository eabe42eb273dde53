//! Settings of passwords, sessions and coupon keys.

use std::collections::HashSet;
use std::fmt;
use std::time::Duration;

use serde::Deserialize;

use super::problem::ConfigProblems;
use super::units;

/// Settings of passwords, sessions and coupon keys. `config/security.toml` has the defaults and explains each key.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SecurityConfig {
    /// Memory cost of Argon2id.
    pub argon2_memory_kib: u32,
    /// Time cost of Argon2id: passes over the memory.
    pub argon2_passes: u32,
    /// Degree of parallelism of Argon2id.
    pub argon2_lanes: u32,
    /// Maximum passwords hashed concurrently.
    pub hashes_at_once_max: usize,
    /// Lifetime of a session.
    #[serde(rename = "session_lifetime_h", deserialize_with = "units::h")]
    pub session_lifetime: Duration,
    /// How long a session survives without being used.
    #[serde(rename = "session_idle_h", deserialize_with = "units::h")]
    pub session_idle: Duration,
    /// How long a node caches tokens and sessions.
    #[serde(rename = "token_cache_s", deserialize_with = "units::s")]
    pub token_cache: Duration,
    /// Keys that coupon codes are derived with, newest first; at least one.
    pub coupon_keys: Vec<CouponKey>,
    /// Keys that coupons are found with, newest first.
    pub coupon_lookup_keys: Vec<CouponLookupKey>,
}

impl SecurityConfig {
    pub(super) fn check(&self, problems: &mut ConfigProblems) {
        problems.require(self.argon2_lanes >= 1, "security.argon2_lanes", "must be at least 1");
        problems.require(
            self.argon2_memory_kib >= 8 * self.argon2_lanes.max(1),
            "security.argon2_memory_kib",
            "must be at least 8 times security.argon2_lanes",
        );
        problems.require(self.argon2_passes >= 1, "security.argon2_passes", "must be at least 1");
        problems.require(self.hashes_at_once_max >= 1, "security.hashes_at_once_max", "must be at least 1");
        problems.require(!self.session_lifetime.is_zero(), "security.session_lifetime_h", "must be at least 1");
        problems.require(!self.session_idle.is_zero(), "security.session_idle_h", "must be at least 1");
        problems.require(
            !self.coupon_keys.is_empty(),
            "security.coupon_keys",
            "is required; make one with: echo \"1:$(openssl rand -hex 32)\"",
        );
        let mut ids = HashSet::new();
        let unique = self.coupon_keys.iter().all(|key| ids.insert(key.id));
        problems.require(unique, "security.coupon_keys", "must not use an id twice");
        // A key in both lists could not rotate on its own.
        let coupon_secrets: HashSet<_> = self.coupon_keys.iter().map(CouponKey::secret).collect();
        let separate = self.coupon_lookup_keys.iter().all(|key| !coupon_secrets.contains(key.secret()));
        problems.require(separate, "security.coupon_lookup_keys", "must not repeat one of security.coupon_keys");
    }
}

/// A secret that coupon codes are derived from, and the id that is stored with each of its coupons.
#[derive(Clone, Deserialize)]
#[serde(try_from = "String")]
pub struct CouponKey {
    id: i16,
    secret: [u8; 32],
}

impl CouponKey {
    /// The id that is stored with each coupon of this key.
    #[must_use]
    pub fn id(&self) -> i16 {
        self.id
    }

    /// The key itself. Never logged, never stored.
    #[must_use]
    pub fn secret(&self) -> &[u8; 32] {
        &self.secret
    }
}

impl fmt::Debug for CouponKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:[REDACTED]", self.id)
    }
}

impl TryFrom<String> for CouponKey {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        // The message omits the given text, which may contain most of a secret.
        const REFUSED: &str = "must be an id between 1 and 32767, a colon and 64 hexadecimal digits";
        let (id, digits) = text.trim().split_once(':').ok_or(REFUSED)?;
        let id = id.parse().ok().filter(|id| *id >= 1).ok_or(REFUSED)?;
        Ok(Self { id, secret: from_hex(digits).ok_or(REFUSED)? })
    }
}

/// A secret that lookup hashes of coupon codes are computed with.
#[derive(Clone, Deserialize)]
#[serde(try_from = "String")]
pub struct CouponLookupKey([u8; 32]);

impl CouponLookupKey {
    /// The key itself. Never logged, never stored.
    #[must_use]
    pub fn secret(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for CouponLookupKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[REDACTED]")
    }
}

impl TryFrom<String> for CouponLookupKey {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        from_hex(text.trim()).map(Self).ok_or("must be 64 hexadecimal digits")
    }
}

fn from_hex(digits: &str) -> Option<[u8; 32]> {
    let (pairs, []) = digits.as_bytes().as_chunks::<2>() else { return None };
    let nibble = |digit: u8| char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok());
    let bytes: Option<Vec<u8>> = pairs.iter().map(|[high, low]| Some(nibble(*high)? << 4 | nibble(*low)?)).collect();
    bytes?.try_into().ok()
}
