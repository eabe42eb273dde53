//! Replays a schedule. One task owns the crowd and its counts; a bounded number of requests is in flight.

use std::num::NonZeroU32;
use std::ops::RangeInclusive;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::client::{Client, ClientError, Outcome, version};
use super::keys::Keys;
use super::protocol::{JoinEnd, LeaveEnd, Receipt};
use super::report::Report;
use super::schedule::{Event, Schedule, What};
use super::tally::{Tally, Tip};
use crate::app::shutdown::Shutdown;
use crate::dev::people::Simulated;
use crate::domain::idempotency::IdempotencyKeyError;
use crate::domain::{DealId, Figures, SignupId, Units};

/// Live counts are right within 10 seconds, even after a crash.
const COUNTS_TIMEOUT: Duration = Duration::from_secs(10);
const COUNTS_POLL_INTERVAL: Duration = Duration::from_millis(500);

/// The speed of a replay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// This many times as fast as recorded.
    Times(NonZeroU32),
    /// As fast as the server answers, one step after the other.
    Max,
}

/// What to replay.
#[derive(Clone, Debug)]
pub struct Replay {
    /// The deal to join.
    pub deal: DealId,
    /// The joins and leaves.
    pub schedule: Schedule,
    pub pace: Pace,
    /// Units per buyer, chosen at random from this range.
    pub units: RangeInclusive<u32>,
    /// Maximum requests in flight.
    pub concurrency: usize,
    /// Seed of all random choices.
    pub seed: u64,
}

/// Why a replay failed.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// A request that is not retried failed, or the client log cannot be written.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The schedule has more joins than there are buyers.
    #[error(
        "the campaign needs {needed} buyers, but there are {available}: create more with `muster loadtest prepare --buyers {needed}`"
    )]
    TooFewBuyers {
        /// Joins in the schedule.
        needed: usize,
        /// Buyers.
        available: usize,
    },
    /// The range of units is empty or out of bounds.
    #[error("units must be from 1 to {}", Units::MAX)]
    Units,
    /// A generated idempotency key is invalid. This is a bug.
    #[error(transparent)]
    Key(#[from] IdempotencyKeyError),
}

/// A buyer who has joined and not left.
struct Present {
    buyer: Simulated,
    signup: SignupId,
    units: u32,
}

/// A request that has ended.
enum Ended {
    Join { buyer: Simulated, at: Duration, outcome: Result<Outcome<JoinEnd>, ClientError> },
    Leave { present: Present, outcome: Result<Outcome<LeaveEnd>, ClientError> },
}

struct Crowd<'a, T> {
    client: &'a Client,
    replay: &'a Replay,
    before: Figures,
    free: Vec<Simulated>,
    present: Vec<Present>,
    calls: JoinSet<Ended>,
    keys: Keys,
    rng: StdRng,
    tally: Tally,
    report: T,
}

/// Replays a schedule with buyers who have not joined the deal yet. Calls `report` with the counts after each request.
/// When the shutdown begins, requests in flight are completed and no more are started.
///
/// # Errors
/// There are too few buyers, the deal cannot be read, or the client log cannot be written.
pub async fn replay(
    client: &Client,
    buyers: Vec<Simulated>,
    replay: &Replay,
    shutdown: &Shutdown,
    report: impl Fn(&Tally),
) -> Result<Report, ReplayError> {
    let joins = replay.schedule.joins();
    if buyers.len() < joins {
        return Err(ReplayError::TooFewBuyers { needed: joins, available: buyers.len() });
    }
    let units = (Units::new((*replay.units.start()).into()), Units::new((*replay.units.end()).into()));
    if replay.units.is_empty() || units.0.is_err() || units.1.is_err() {
        return Err(ReplayError::Units);
    }
    let before = client.deal(replay.deal).await?.progress;
    if let Some(log) = client.log() {
        log.begins(replay.deal, version(&before)).map_err(ClientError::from)?;
    }
    let mut crowd = Crowd {
        client,
        replay,
        before,
        free: buyers,
        present: Vec::new(),
        calls: JoinSet::new(),
        keys: Keys::new(),
        // The schedule was planned with the same seed; this must be an independent random stream.
        rng: StdRng::seed_from_u64(replay.seed.wrapping_add(1)),
        tally: Tally::default(),
        report,
    };
    let since = Instant::now();
    tokio::select! {
        played = crowd.play() => played?,
        () = shutdown.begun() => {}
    }
    crowd.finish_calls(0).await?;
    let took = since.elapsed();
    let tally = crowd.tally;
    let after = settled_figures(client, replay.deal, &before, &tally).await?;
    if let Some(log) = client.log() {
        log.ends(replay.deal, version(&after)).map_err(ClientError::from)?;
    }
    Ok(Report { tally, before, after, took, complete: !shutdown.has_begun() })
}

impl<T: Fn(&Tally)> Crowd<'_, T> {
    async fn play(&mut self) -> Result<(), ReplayError> {
        let began = Instant::now();
        for step in self.replay.schedule.steps() {
            for event in &step.events {
                if let Pace::Times(times) = self.replay.pace {
                    self.wait_until(began + event.at / times.get()).await?;
                }
                self.finish_calls(self.replay.concurrency.max(1) - 1).await?;
                match event.what {
                    What::Join => self.start_join(*event)?,
                    What::Leave => self.start_leave().await?,
                }
            }
            if self.replay.pace == Pace::Max {
                self.finish_calls(0).await?;
            }
        }
        self.finish_calls(0).await
    }

    /// Waits until this moment and handles requests that end in the meantime.
    async fn wait_until(&mut self, moment: Instant) -> Result<(), ReplayError> {
        loop {
            tokio::select! {
                () = tokio::time::sleep_until(moment) => return Ok(()),
                Some(ended) = self.calls.join_next() => self.take_in(ended)?,
            }
        }
    }

    /// Waits until at most this many requests are in flight.
    async fn finish_calls(&mut self, at_most: usize) -> Result<(), ReplayError> {
        while self.calls.len() > at_most
            && let Some(ended) = self.calls.join_next().await
        {
            self.take_in(ended)?;
        }
        Ok(())
    }

    fn start_join(&mut self, event: Event) -> Result<(), ReplayError> {
        // Cannot fail: there are as many buyers as joins.
        let Some(buyer) = take_any(&mut self.free, &mut self.rng) else { return Ok(()) };
        let units =
            Units::new(self.rng.random_range(self.replay.units.clone()).into()).map_err(|_| ReplayError::Units)?;
        let (client, deal, key) = (self.client.clone(), self.replay.deal, self.keys.next()?);
        self.tally.attempted += 1;
        self.calls.spawn(async move {
            let outcome = client.join(&buyer, deal, units, &key).await;
            Ended::Join { buyer, at: event.at, outcome }
        });
        Ok(())
    }

    async fn start_leave(&mut self) -> Result<(), ReplayError> {
        // The buyers who could leave may still be joining.
        while self.present.is_empty() && !self.calls.is_empty() {
            let busy = self.calls.len();
            self.finish_calls(busy - 1).await?;
        }
        let Some(present) = take_any(&mut self.present, &mut self.rng) else {
            self.tally.nobody_to_leave += 1;
            return Ok(());
        };
        let (client, deal) = (self.client.clone(), self.replay.deal);
        self.tally.leaving += 1;
        self.calls.spawn(async move {
            let outcome = client.leave(&present.buyer, deal, present.signup).await;
            Ended::Leave { present, outcome }
        });
        Ok(())
    }

    fn take_in(&mut self, ended: Result<Ended, tokio::task::JoinError>) -> Result<(), ReplayError> {
        match ended {
            Ok(Ended::Join { buyer, at, outcome }) => self.take_in_join(buyer, at, outcome?),
            Ok(Ended::Leave { present, outcome }) => self.take_in_leave(present, outcome?),
            Err(crash) => *self.tally.errors.entry(crash.to_string()).or_default() += 1,
        }
        (self.report)(&self.tally);
        Ok(())
    }

    fn take_in_join(&mut self, buyer: Simulated, at: Duration, outcome: Outcome<JoinEnd>) {
        self.tally.count_retries(outcome.retries);
        self.tally.count_join(&outcome.end);
        match outcome.end {
            Ok(JoinEnd::Joined(receipt)) => self.welcome(buyer, at, receipt),
            Ok(JoinEnd::Refused(_)) => self.free.push(buyer),
            // This buyer may have a signup, so they are not used again.
            Ok(JoinEnd::Failed(_)) | Err(_) => {}
        }
    }

    fn welcome(&mut self, buyer: Simulated, at: Duration, receipt: Receipt) {
        let Receipt { signup, units, number, .. } = receipt;
        if number == self.before.tipping_point {
            self.tally.tips.push(Tip { number, signup, buyer: buyer.account, at });
        }
        self.present.push(Present { buyer, signup, units });
    }

    fn take_in_leave(&mut self, present: Present, outcome: Outcome<LeaveEnd>) {
        self.tally.count_retries(outcome.retries);
        self.tally.count_leave(&outcome.end, present.units);
        match outcome.end {
            Ok(LeaveEnd::Left) => self.free.push(present.buyer),
            Ok(LeaveEnd::Refused(_)) => self.present.push(present),
            Ok(LeaveEnd::Failed(_)) | Err(_) => {}
        }
    }
}

/// Reads the figures from the server until they match the tally, or until the timeout.
async fn settled_figures(
    client: &Client,
    deal: DealId,
    before: &Figures,
    tally: &Tally,
) -> Result<Figures, ReplayError> {
    let since = Instant::now();
    loop {
        let after = client.deal(deal).await?.progress;
        if Report::agrees(before, &after, tally) || since.elapsed() > COUNTS_TIMEOUT {
            return Ok(after);
        }
        tokio::time::sleep(COUNTS_POLL_INTERVAL).await;
    }
}

fn take_any<T>(from: &mut Vec<T>, rng: &mut StdRng) -> Option<T> {
    (!from.is_empty()).then(|| from.swap_remove(rng.random_range(0..from.len())))
}
