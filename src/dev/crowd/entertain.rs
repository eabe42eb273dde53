//! A gentle crowd without an end, so that whoever opens `muster dev`'s page sees a deal count down and tip.
//!
//! One join at a time, at the pace of people: the deals of the stage one after the other, each within about a minute; then
//! now and then one of whatever sells.

use std::time::Duration;

use rand::rngs::StdRng;
use rand::seq::{IndexedRandom, SliceRandom};
use rand::{RngExt, SeedableRng};
use tokio::time::sleep;
use uuid::Uuid;

use super::client::{Client, ClientError, DealSeen};
use super::protocol::JoinEnd;
use crate::config::BaseUrl;
use crate::dev::people::Simulated;
use crate::domain::{DealId, DealState, Figures, IdempotencyKey, Units};
use crate::shutdown::Shutdown;

/// A deal of the stage tips within about this time,
const TIP_WITHIN: Duration = Duration::from_secs(50);
/// unless its buyers would have to come faster or slower than this.
const SHORTEST_GAP: Duration = Duration::from_millis(400);
const LONGEST_GAP: Duration = Duration::from_secs(5);
/// One in so many brings a friend, who joins right after.
const FRIENDS: u32 = 6;
const FRIENDS_GAP: Duration = Duration::from_millis(500);
/// So many still come after the tip.
const AFTER_THE_TIP: u32 = 5;
const GAP_AFTER_THE_TIP: Duration = Duration::from_secs(2);
/// Between two deals, and after something failed.
const BREATH: Duration = Duration::from_secs(8);
/// Between two joins when the stage's deals are over.
const IDLE_GAP: Duration = Duration::from_secs(10);

/// Who plays what, where.
#[derive(Clone, Debug)]
pub struct Stage {
    /// The server's address.
    pub base_url: BaseUrl,
    /// Who joins. A buyer who has as much of a deal as allowed is passed over.
    pub buyers: Vec<Simulated>,
    /// The deals to be tipped, in this order.
    pub deals: Vec<DealId>,
    /// What chance is drawn from.
    pub seed: u64,
}

/// Lets buyers join until the shutdown. What fails is tried again later, and logged.
///
/// # Errors
/// The HTTP client cannot be made.
pub async fn entertain(stage: Stage, shutdown: &Shutdown) -> Result<(), ClientError> {
    let client = Client::new(stage.base_url)?;
    let mut show = Show { client, buyers: stage.buyers, rng: StdRng::seed_from_u64(stage.seed) };
    tokio::select! {
        () = show.go_on(&stage.deals) => {}
        () = shutdown.begun() => {}
    }
    Ok(())
}

struct Show {
    client: Client,
    buyers: Vec<Simulated>,
    rng: StdRng,
}

impl Show {
    async fn go_on(&mut self, deals: &[DealId]) {
        for deal in deals {
            if let Err(error) = self.tip(*deal).await {
                tracing::debug!(%error, %deal, "the crowd cannot join");
            }
            sleep(BREATH).await;
        }
        loop {
            if let Err(error) = self.join_something().await {
                tracing::debug!(%error, "the crowd finds nothing to join");
            }
            let gap = self.about(IDLE_GAP);
            sleep(gap).await;
        }
    }

    /// Joins a deal until it has tipped, and a little longer.
    async fn tip(&mut self, deal: DealId) -> Result<(), ClientError> {
        let mut figures = self.client.deal(deal).await?.progress;
        if figures.state != DealState::Open {
            return Ok(());
        }
        let gap = (TIP_WITHIN / figures.needed.max(1)).clamp(SHORTEST_GAP, LONGEST_GAP);
        let mut buyers = self.buyers.clone();
        buyers.shuffle(&mut self.rng);
        let mut more = AFTER_THE_TIP;
        for buyer in buyers {
            let tipped = figures.state == DealState::Tipped;
            if tipped && more == 0 {
                break;
            }
            let wait = self.next_gap(if tipped { GAP_AFTER_THE_TIP } else { gap });
            sleep(wait).await;
            match self.join(&buyer, deal).await? {
                Some(JoinEnd::Joined(receipt)) => {
                    more -= u32::from(tipped);
                    figures = receipt.figures;
                }
                Some(JoinEnd::Refused(code)) if code == "buyer_limit" => {}
                _ => figures = self.client.deal(deal).await?.progress,
            }
            if !can_be_joined(&figures) {
                break;
            }
        }
        Ok(())
    }

    /// Somebody joins one of the deals that sell.
    async fn join_something(&mut self) -> Result<(), ClientError> {
        let mut deals: Vec<DealSeen> = self.client.deals(DealState::Open).await?;
        deals.extend(self.client.deals(DealState::Tipped).await?);
        deals.retain(|deal| can_be_joined(&deal.progress));
        let (Some(deal), Some(buyer)) = (deals.choose(&mut self.rng), self.buyers.choose(&mut self.rng)) else {
            return Ok(());
        };
        let (deal, title, buyer) = (deal.id, deal.title.clone(), buyer.clone());
        let end = self.join(&buyer, deal).await?;
        tracing::debug!(?end, title, "somebody tried to join");
        Ok(())
    }

    async fn join(&self, buyer: &Simulated, deal: DealId) -> Result<Option<JoinEnd>, ClientError> {
        let key = IdempotencyKey::parse(&Uuid::now_v7().to_string()).ok();
        let (Some(key), Ok(units)) = (key, Units::new(1)) else { return Ok(None) };
        Ok(self.client.join(buyer, deal, units, &key).await?.end.ok())
    }

    /// The time until the next one comes.
    fn next_gap(&mut self, mean: Duration) -> Duration {
        if self.rng.random_ratio(1, FRIENDS) { FRIENDS_GAP.min(mean) } else { self.about(mean) }
    }

    /// From a fifth of this time to nine fifths of it.
    fn about(&mut self, mean: Duration) -> Duration {
        mean / 10 * self.rng.random_range(2..=18)
    }
}

fn can_be_joined(figures: &Figures) -> bool {
    figures.state.sells() && figures.left != Some(0)
}
