//! Hashes passwords, slowly on purpose, without delaying anything else.
//!
//! The algorithm is Argon2id (OWASP ASVS 11.4.2). Each hash takes tens of milliseconds and megabytes, so hashes run on
//! blocking threads, and a semaphore limits how many run concurrently. A caller that would wait too long for a permit
//! gets [`HashError::Busy`]. A flood of sign-ins therefore slows down only sign-ins.

use std::sync::Arc;
use std::time::Duration;

use argon2::password_hash::phc::PasswordHash;
use argon2::{Algorithm, Argon2, Params, PasswordHasher, PasswordVerifier, Version};
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::Semaphore;

/// The Argon2 parameters, and the limits on concurrent hashes.
#[derive(Clone, Debug)]
pub struct HashCost {
    /// Memory of one hash in KiB. OWASP requires at least 19 MiB.
    pub memory_kib: u32,
    /// Passes over the memory.
    pub passes: u32,
    /// Parallel lanes of one hash.
    pub lanes: u32,
    /// Maximum concurrent hashes.
    pub concurrent_max: usize,
    /// Maximum wait for a permit.
    pub wait_max: Duration,
}

impl Default for HashCost {
    fn default() -> Self {
        Self { memory_kib: 19 * 1024, passes: 2, lanes: 1, concurrent_max: 2, wait_max: Duration::from_secs(2) }
    }
}

/// Why a password could not be hashed or checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HashError {
    /// No permit became free in time.
    #[error("too many passwords are waiting to be checked")]
    Busy,
    /// Argon2 failed. This cannot happen with parameters that were accepted at startup.
    #[error("cannot hash the password")]
    Broken,
}

/// Hashes and checks passwords. Cheap to clone.
#[derive(Clone)]
pub struct Hasher {
    argon2: Argon2<'static>,
    permits: Arc<Semaphore>,
    wait_max: Duration,
    /// Checked when the account does not exist, so that the answer takes equally long.
    dummy_hash: Arc<str>,
}

impl Hasher {
    /// A hasher with this cost.
    ///
    /// # Errors
    /// Argon2 rejects the parameters, for example less than 8 KiB of memory per lane.
    pub fn new(cost: &HashCost) -> Result<Self, HashError> {
        let params = Params::new(cost.memory_kib, cost.passes, cost.lanes, None).map_err(|_| HashError::Broken)?;
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let dummy_hash = hash(&argon2, "a dummy password")?.into();
        let permits = Arc::new(Semaphore::new(cost.concurrent_max.max(1)));
        Ok(Self { argon2, permits, wait_max: cost.wait_max, dummy_hash })
    }

    /// The hash of a password, in PHC string format.
    ///
    /// # Errors
    /// No permit became free in time, or Argon2 failed.
    pub async fn hash(&self, password: &SecretString) -> Result<String, HashError> {
        let (argon2, password) = (self.argon2.clone(), password.clone());
        self.with_permit(move || hash(&argon2, password.expose_secret())).await?
    }

    /// Whether a password matches a hash. Without a hash the answer is false, after equally long work.
    ///
    /// # Errors
    /// No permit became free in time, or the worker thread panicked.
    pub async fn verify(&self, password: &SecretString, hash: Option<&str>) -> Result<bool, HashError> {
        let exists = hash.is_some();
        let hash: Arc<str> = hash.map_or_else(|| self.dummy_hash.clone(), Arc::from);
        let (argon2, password) = (self.argon2.clone(), password.clone());
        let matches = self
            .with_permit(move || {
                PasswordHash::new(&hash)
                    .is_ok_and(|hash| argon2.verify_password(password.expose_secret().as_bytes(), &hash).is_ok())
            })
            .await?;
        Ok(matches && exists)
    }

    /// The permit moves into the work: if the caller gives up, the hash still counts until it is done.
    async fn with_permit<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, HashError> {
        let permit = tokio::time::timeout(self.wait_max, self.permits.clone().acquire_owned()).await;
        let permit = permit.map_err(|_| HashError::Busy)?.map_err(|_| HashError::Broken)?;
        let done = tokio::task::spawn_blocking(move || {
            let result = work();
            drop(permit);
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
    async fn a_password_matches_only_its_own_hash() {
        let hasher = Hasher::new(&cheap()).unwrap();
        let hash = hasher.hash(&"correct horse".into()).await.unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=8,t=1,p=1$"), "{hash}");
        assert!(hasher.verify(&"correct horse".into(), Some(&hash)).await.unwrap());
        assert!(!hasher.verify(&"wrong horse".into(), Some(&hash)).await.unwrap());
    }

    #[tokio::test]
    async fn no_password_matches_without_a_hash() {
        let hasher = Hasher::new(&cheap()).unwrap();
        assert!(!hasher.verify(&"a dummy password".into(), None).await.unwrap());
    }

    #[tokio::test]
    async fn a_hash_with_another_cost_still_verifies() {
        let old = Hasher::new(&HashCost { passes: 2, ..cheap() }).unwrap().hash(&"correct horse".into()).await.unwrap();
        assert!(Hasher::new(&cheap()).unwrap().verify(&"correct horse".into(), Some(&old)).await.unwrap());
    }

    #[tokio::test]
    async fn a_caller_without_a_permit_in_time_gets_busy() {
        let hasher = Hasher::new(&HashCost { concurrent_max: 1, wait_max: Duration::ZERO, ..cheap() }).unwrap();
        let permit = hasher.permits.clone().acquire_owned().await.unwrap();
        assert_eq!(hasher.hash(&"correct horse".into()).await, Err(HashError::Busy));
        drop(permit);
        assert!(hasher.hash(&"correct horse".into()).await.is_ok());
    }

    #[test]
    fn the_default_cost_meets_the_minimum_of_owasp() {
        let cost = HashCost::default();
        assert!(cost.memory_kib >= 19 * 1024 && cost.passes >= 2 && cost.lanes == 1);
    }
}
