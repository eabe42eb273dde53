//! The idempotency keys of a crowd.

use uuid::Uuid;

use crate::domain::IdempotencyKey;
use crate::domain::idempotency::IdempotencyKeyError;

/// Generates keys that are unique across runs, even runs with the same seed: a reused key would get a replay.
pub(super) struct Keys {
    run: Uuid,
    count: u64,
}

impl Keys {
    pub(super) fn new() -> Self {
        Self { run: Uuid::now_v7(), count: 0 }
    }

    pub(super) fn next(&mut self) -> Result<IdempotencyKey, IdempotencyKeyError> {
        self.count += 1;
        IdempotencyKey::parse(&format!("crowd-{}-{}", self.run, self.count))
    }
}
