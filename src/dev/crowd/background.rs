//! The background crowd of `muster dev`, so that a developer sees a deal count down and tip.
//!
//! It sends one join at a time, at a human pace. It tips the showcase deals one after the other, each within about a
//! minute. After that, it joins a random deal every few seconds.

use std::time::Duration;

use rand::rngs::StdRng;
use rand::seq::{IndexedRandom, SliceRandom};
use rand::{RngExt, SeedableRng};
use tokio::time::sleep;
use uuid::Uuid;

use super::client::{Client, ClientError, DealView};
use super::protocol::JoinEnd;
use crate::app::shutdown::Shutdown;
use crate::config::BaseUrl;
use crate::dev::people::Simulated;
use crate::domain::{DealId, DealState, Figures, IdempotencyKey, Units};

/// Target time for tipping one showcase deal. The gap between its joins is clamped to the limits below.
const TIP_WITHIN: Duration = Duration::from_secs(50);
const SHORTEST_GAP: Duration = Duration::from_millis(400);
const LONGEST_GAP: Duration = Duration::from_secs(5);
/// One buyer in this many brings a friend, who joins right after.
const FRIENDS: u32 = 6;
const FRIENDS_GAP: Duration = Duration::from_millis(500);
/// Number of joins after the tip.
const AFTER_THE_TIP: u32 = 5;
const GAP_AFTER_THE_TIP: Duration = Duration::from_secs(2);
/// Pause between two showcase deals.
const PAUSE: Duration = Duration::from_secs(8);
/// Average gap between joins after the showcase deals.
const IDLE_GAP: Duration = Duration::from_secs(10);

/// The input of [`run_in_background`].
#[derive(Clone, Debug)]
pub struct Background {
    /// URL of the server.
    pub base_url: BaseUrl,
    /// The buyers. A buyer who has reached the limit of a deal is skipped.
    pub buyers: Vec<Simulated>,
    /// Deals to tip, in this order.
    pub showcase: Vec<DealId>,
    /// Seed of all random choices.
    pub seed: u64,
}

/// Joins deals until the shutdown begins. Failures are logged and do not stop the crowd.
///
/// # Errors
/// The HTTP client cannot be created.
pub async fn run_in_background(background: Background, shutdown: &Shutdown) -> Result<(), ClientError> {
    let Background { base_url, buyers, showcase, seed } = background;
    let mut crowd = Crowd { client: Client::new(base_url)?, buyers, rng: StdRng::seed_from_u64(seed) };
    tokio::select! {
        () = crowd.run(&showcase) => {}
        () = shutdown.begun() => {}
    }
    Ok(())
}

struct Crowd {
    client: Client,
    buyers: Vec<Simulated>,
    rng: StdRng,
}

impl Crowd {
    async fn run(&mut self, showcase: &[DealId]) {
        for deal in showcase {
            if let Err(error) = self.tip(*deal).await {
                tracing::debug!(%error, %deal, "the background crowd cannot join a showcase deal");
            }
            sleep(PAUSE).await;
        }
        loop {
            if let Err(error) = self.join_any_deal().await {
                tracing::debug!(%error, "the background crowd cannot join a deal");
            }
            let gap = self.about(IDLE_GAP);
            sleep(gap).await;
        }
    }

    /// Joins a deal until it has tipped, and [`AFTER_THE_TIP`] times more.
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

    /// Lets a random buyer join a random deal that is open to join.
    async fn join_any_deal(&mut self) -> Result<(), ClientError> {
        let mut deals: Vec<DealView> = self.client.deals(DealState::Open).await?;
        deals.extend(self.client.deals(DealState::Tipped).await?);
        deals.retain(|deal| can_be_joined(&deal.progress));
        let (Some(deal), Some(buyer)) = (deals.choose(&mut self.rng), self.buyers.choose(&mut self.rng)) else {
            return Ok(());
        };
        let (deal, title, buyer) = (deal.id, deal.title.clone(), buyer.clone());
        let end = self.join(&buyer, deal).await?;
        tracing::debug!(?end, title, "a background buyer tried to join");
        Ok(())
    }

    async fn join(&self, buyer: &Simulated, deal: DealId) -> Result<Option<JoinEnd>, ClientError> {
        let key = IdempotencyKey::parse(&Uuid::now_v7().to_string()).ok();
        let (Some(key), Ok(units)) = (key, Units::new(1)) else { return Ok(None) };
        Ok(self.client.join(buyer, deal, units, &key).await?.end.ok())
    }

    /// The time until the next join.
    fn next_gap(&mut self, mean: Duration) -> Duration {
        if self.rng.random_ratio(1, FRIENDS) { FRIENDS_GAP.min(mean) } else { self.about(mean) }
    }

    /// A random time between 0.2 and 1.8 times the mean.
    fn about(&mut self, mean: Duration) -> Duration {
        mean / 10 * self.rng.random_range(2..=18)
    }
}

fn can_be_joined(figures: &Figures) -> bool {
    figures.state.sells() && figures.left != Some(0)
}
