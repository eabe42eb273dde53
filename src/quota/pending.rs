//! Joins that were answered 202. Any node finds them by their id alone.

use redis::AsyncCommands;

use super::{Quota, Unavailable};
use crate::domain::{AccountId, DealId, JoinRequest, SignupId};

/// The TTL of the record of a pending join. The join's hold decides whether the join is still pending.
const RECORD_TTL_MS: u64 = 120_000;

impl Quota {
    /// Records that a join was answered 202.
    pub async fn note_pending(&self, request: &JoinRequest) {
        let Ok(link) = self.any_link() else { return };
        let (key, note) = (self.keys.pending(request.id), format!("{} {}", request.deal, request.buyer));
        let mut connection = link.connection.clone();
        if let Err(error) = connection.pset_ex::<_, _, ()>(key, note, RECORD_TTL_MS).await {
            self.lost(&link, "note_pending", &error);
        }
    }

    /// The deal of this buyer's join that was answered 202 and is still being recorded.
    ///
    /// # Errors
    /// Redis is unavailable.
    pub async fn pending(&self, buyer: AccountId, signup: SignupId) -> Result<Option<DealId>, Unavailable> {
        let link = self.any_link()?;
        let note: Option<String> = match link.connection.clone().get(self.keys.pending(signup)).await {
            Ok(note) => note,
            Err(error) => return Err(self.lost(&link, "pending", &error)),
        };
        let noted = note.as_deref().and_then(|note| note.split_once(' '));
        let deal = noted.filter(|(_, of)| of.parse() == Ok(buyer)).and_then(|(deal, _)| deal.parse().ok());
        match deal {
            Some(deal) => Ok(self.is_held(deal, signup).await?.then_some(deal)),
            None => Ok(None),
        }
    }
}
