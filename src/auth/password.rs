//! Hashing passwords, slowly on purpose, where it cannot stop anything else.
//!
//! Argon2id (OWASP ASVS 11.4.2). Each hash takes tens of milliseconds and megabytes, so they run on blocking threads, only so
//! many at a time; who would have to wait too long is told to come back. So a flood of sign-ins slows sign-ins down, and
//! nothing else.

use std::sync::Arc;
use std::time::Duration;

use argon2::password_hash::phc::PasswordHash;
use argon2::{Algorithm, Argon2, Params, PasswordHasher, PasswordVerifier, Version};
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::Semaphore;

/// What a hash costs, and how many run at a time.
#[derive(Clone, Debug)]
pub struct HashCost {
    /// Memory of one hash in KiB; OWASP asks for at least 19 MiB.
    pub memory_kib: u32,
    /// Passes over the memory.
    pub passes: u32,
    /// Lanes of one hash.
    pub lanes: u32,
    /// Hashes at a time.
    pub at_a_time: usize,
    /// How long a sign-in waits for its turn.
    pub patience: Duration,
}

impl Default for HashCost {
    fn default() -> Self {
        Self { memory_kib: 19 * 1024, passes: 2, lanes: 1, at_a_time: 2, patience: Duration::from_secs(2) }
    }
}

/// Why there is no hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HashError {
    /// Too many others are waiting.
    #[error("too many passwords are being checked")]
    Busy,
    /// The hash function refused. It does not, with parameters that were checked at the start.
    #[error("the password could not be hashed")]
    Broken,
}

/// Hashes and checks passwords. Cheap to clone.
#[derive(Clone)]
pub struct Hasher {
    argon2: Argon2<'static>,
    turns: Arc<Semaphore>,
    patience: Duration,
    /// Checked where there is no account, so that the answer takes as long as where there is one.
    nobody: Arc<str>,
}

impl Hasher {
    /// A hasher of this cost.
    ///
    /// # Errors
    /// Argon2 refuses the parameters, as it does with less than 8 KiB of memory for each lane.
    pub fn new(cost: &HashCost) -> Result<Self, HashError> {
        let params = Params::new(cost.memory_kib, cost.passes, cost.lanes, None).map_err(|_| HashError::Broken)?;
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let nobody = hash(&argon2, "the password of nobody")?.into();
        let turns = Arc::new(Semaphore::new(cost.at_a_time.max(1)));
        Ok(Self { argon2, turns, patience: cost.patience, nobody })
    }

    /// The hash of a password, in PHC form.
    ///
    /// # Errors
    /// Too many others are waiting, or hashing failed.
    pub async fn hash(&self, password: &SecretString) -> Result<String, HashError> {
        let (argon2, password) = (self.argon2.clone(), password.clone());
        self.in_turn(move || hash(&argon2, password.expose_secret())).await?
    }

    /// Whether this is the password of that hash. Without a hash it never is, but finding out takes as long.
    ///
    /// # Errors
    /// Too many others are waiting.
    pub async fn verify(&self, password: &SecretString, hash: Option<&str>) -> Result<bool, HashError> {
        let known = hash.is_some();
        let hash: Arc<str> = hash.map_or_else(|| self.nobody.clone(), Arc::from);
        let (argon2, password) = (self.argon2.clone(), password.clone());
        let fits = self
            .in_turn(move || {
                PasswordHash::new(&hash)
                    .is_ok_and(|hash| argon2.verify_password(password.expose_secret().as_bytes(), &hash).is_ok())
            })
            .await?;
        Ok(fits && known)
    }

    /// The turn goes with the work: when the caller gives up, the hash still counts until it is done.
    async fn in_turn<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, HashError> {
        let turn = tokio::time::timeout(self.patience, self.turns.clone().acquire_owned()).await;
        let turn = turn.map_err(|_| HashError::Busy)?.map_err(|_| HashError::Broken)?;
        let done = tokio::task::spawn_blocking(move || {
            let result = work();
            drop(turn);
            result
        });
        done.await.map_err(|_| HashError::Broken)
    }
}

fn hash(argon2: &Argon2<'_>, password: &str) -> Result<String, HashError> {
    let mut salt = [0_u8; 16];
    rand::fill(&mut salt);
    argon2
        .hash_password_with_salt(password.as_bytes(), &salt)
        .map(|hash| hash.to_string())
        .map_err(|_| HashError::Broken)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cheap() -> HashCost {
        HashCost { memory_kib: 8, passes: 1, lanes: 1, ..HashCost::default() }
    }

    #[tokio::test]
    async fn a_password_fits_its_own_hash_only() {
        let hasher = Hasher::new(&cheap()).unwrap();
        let hash = hasher.hash(&"correct horse".into()).await.unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=8,t=1,p=1$"), "{hash}");
        assert!(hasher.verify(&"correct horse".into(), Some(&hash)).await.unwrap());
        assert!(!hasher.verify(&"wrong horse".into(), Some(&hash)).await.unwrap());
    }

    #[tokio::test]
    async fn no_password_fits_where_there_is_no_hash() {
        let hasher = Hasher::new(&cheap()).unwrap();
        assert!(!hasher.verify(&"the password of nobody".into(), None).await.unwrap());
    }

    #[tokio::test]
    async fn a_hash_of_another_cost_is_still_checked() {
        let old = Hasher::new(&HashCost { passes: 2, ..cheap() }).unwrap().hash(&"correct horse".into()).await.unwrap();
        assert!(Hasher::new(&cheap()).unwrap().verify(&"correct horse".into(), Some(&old)).await.unwrap());
    }

    #[tokio::test]
    async fn who_would_wait_too_long_is_told_to_come_back() {
        let hasher = Hasher::new(&HashCost { at_a_time: 1, patience: Duration::ZERO, ..cheap() }).unwrap();
        let turn = hasher.turns.clone().acquire_owned().await.unwrap();
        assert_eq!(hasher.hash(&"correct horse".into()).await, Err(HashError::Busy));
        drop(turn);
        assert!(hasher.hash(&"correct horse".into()).await.is_ok());
    }

    #[test]
    fn the_default_cost_is_what_owasp_asks_for() {
        let cost = HashCost::default();
        assert!(cost.memory_kib >= 19 * 1024 && cost.passes >= 2 && cost.lanes == 1);
    }
}
