//! Bearer secrets: the tokens of API clients and the session ids of browsers. Each is shown once; only its hash is
//! stored.

use std::fmt;

use data_encoding::{BASE32_NOPAD, BASE64URL_NOPAD};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};

use crate::people::SecretHash;

/// The prefix of every token, by which people and secret scanners recognise a token.
const TOKEN_PREFIX: &str = "mst_";
/// 160 bits, in base 32.
const TOKEN_BYTES: usize = 20;
const TOKEN_CHARACTERS: usize = TOKEN_BYTES * 8 / 5;
/// 256 bits, in base 64.
const SESSION_BYTES: usize = 32;
const SESSION_CHARACTERS: usize = 43;

/// A newly generated secret: its plaintext for the owner, its hash for the database.
pub struct FreshSecret {
    /// The plaintext, to be shown once.
    pub text: SecretString,
    /// The SHA-256 hash, to be stored.
    pub hash: SecretHash,
}

impl FreshSecret {
    /// Generates a token: `mst_` and 32 characters.
    #[must_use]
    pub fn token() -> Self {
        let random = BASE32_NOPAD.encode(&random::<TOKEN_BYTES>()).to_ascii_lowercase();
        Self::of(format!("{TOKEN_PREFIX}{random}"))
    }

    /// Generates a session id of 43 characters.
    #[must_use]
    pub fn session() -> Self {
        Self::of(BASE64URL_NOPAD.encode(&random::<SESSION_BYTES>()))
    }

    fn of(text: String) -> Self {
        let hash = hash(&text);
        Self { text: text.into(), hash }
    }
}

impl fmt::Debug for FreshSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FreshSecret({:?})", self.hash)
    }
}

/// The hash of a token or session id that a request carried. The secret had the right shape; only a lookup shows
/// whether it is valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Credential(SecretHash);

impl Credential {
    /// Reads a token. `None` if the text does not have the shape of a token, so no lookup is needed.
    #[must_use]
    pub fn token(text: &str) -> Option<Self> {
        let random = text.strip_prefix(TOKEN_PREFIX)?;
        let shaped = random.len() == TOKEN_CHARACTERS && random.bytes().all(|b| matches!(b, b'a'..=b'z' | b'2'..=b'7'));
        shaped.then(|| Self(hash(text)))
    }

    /// Reads a session id from its cookie. `None` if the text does not have the shape of a session id.
    #[must_use]
    pub fn session(text: &str) -> Option<Self> {
        let shaped =
            text.len() == SESSION_CHARACTERS && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b));
        shaped.then(|| Self(hash(text)))
    }

    /// The hash under which the database stores the secret.
    #[must_use]
    pub const fn hash(self) -> SecretHash {
        self.0
    }
}

impl From<&FreshSecret> for Credential {
    fn from(fresh: &FreshSecret) -> Self {
        Self(fresh.hash)
    }
}

impl From<&SecretString> for Credential {
    fn from(text: &SecretString) -> Self {
        Self(hash(text.expose_secret()))
    }
}

fn hash(text: &str) -> SecretHash {
    let hash: [u8; 32] = Sha256::digest(text.as_bytes()).into();
    hash.into()
}

/// Random bytes from a `ChaCha` stream that is seeded from the operating system (`rand::rng`).
fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    rand::fill(&mut bytes);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fresh_token_is_read_back_as_the_same_credential() {
        let fresh = FreshSecret::token();
        let text = fresh.text.expose_secret();
        assert!(text.starts_with("mst_") && text.len() == 36, "{text}");
        assert_eq!(Credential::token(text), Some(Credential::from(&fresh)));
        assert_eq!(Credential::session(text), None);
    }

    #[test]
    fn a_fresh_session_is_read_back_as_the_same_credential() {
        let fresh = FreshSecret::session();
        assert_eq!(Credential::session(fresh.text.expose_secret()), Some(Credential::from(&fresh)));
        assert_eq!(Credential::token(fresh.text.expose_secret()), None);
    }

    #[test]
    fn no_two_secrets_are_the_same() {
        assert_ne!(FreshSecret::token().hash, FreshSecret::token().hash);
        assert_ne!(FreshSecret::session().hash, FreshSecret::session().hash);
    }

    #[test]
    fn text_that_is_not_shaped_like_a_token_is_rejected() {
        for text in
            ["", "mst_", "mst_short", "MST_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "mst_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa1"]
        {
            assert_eq!(Credential::token(text), None, "{text}");
        }
    }

    #[test]
    fn a_secret_never_shows_in_debug_output() {
        let fresh = FreshSecret::token();
        let shown = format!("{fresh:?} {:?}", Credential::from(&fresh));
        assert!(!shown.contains(fresh.text.expose_secret()));
        assert!(shown.len() < 80, "{shown}");
    }
}
