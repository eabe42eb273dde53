//! Ids of sample deals. A sample is offered again after its deal has ended; each offer is an edition with its own id.

use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::{SeedError, Seeder};
use crate::dev::samples::Sample;
use crate::domain::{Deal, DealId};

/// The id of an edition of a sample deal. Editions count from 1.
pub(super) fn deal_id(sample: &Sample, edition: u32) -> DealId {
    derived(&["deal", sample.name, &edition.to_string()]).into()
}

/// An id that is the same on every run: a UUID version 8 made from the SHA-256 of these parts.
pub(super) fn derived(parts: &[&str]) -> Uuid {
    let digest = Sha256::digest(format!("muster sample {}", parts.join(" ")));
    let mut bytes = [0; 16];
    for (to, from) in bytes.iter_mut().zip(digest) {
        *to = from;
    }
    Uuid::new_v8(bytes)
}

impl Seeder<'_> {
    /// The latest edition of a sample and its deal, or `None` if it has never been offered.
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
