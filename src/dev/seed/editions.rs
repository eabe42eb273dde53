//! Which deal a sample is: an id for each time that it is offered.

use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::{SeedError, Seeder};
use crate::dev::samples::Sample;
use crate::domain::{Deal, DealId};

/// The id of a sample deal the first, second, … time that it is offered.
pub(super) fn deal_id(sample: &Sample, edition: u32) -> DealId {
    derived(&["deal", sample.name, &edition.to_string()]).into()
}

/// An id that is the same in every seeding: a UUID version 8 from the SHA-256 of what it is for.
pub(super) fn derived(parts: &[&str]) -> Uuid {
    let digest = Sha256::digest(format!("muster sample {}", parts.join(" ")));
    let mut bytes = [0; 16];
    for (to, from) in bytes.iter_mut().zip(digest) {
        *to = from;
    }
    Uuid::new_v8(bytes)
}

impl Seeder<'_> {
    /// The deal that this sample was offered as last, and the how manieth that is.
    pub(super) async fn latest_edition(&self, sample: &Sample) -> Result<Option<(u32, Deal)>, SeedError> {
        let mut latest = None;
        for edition in 1..=u32::MAX {
            match self.store.deal(deal_id(sample, edition)).await? {
                Some(deal) => latest = Some((edition, deal)),
                None => break,
            }
        }
        Ok(latest)
    }
}
