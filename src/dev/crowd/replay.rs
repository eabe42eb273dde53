//! Plays a schedule: one task owns the crowd and its counts, and lets a bounded number of calls be under way.

use std::num::NonZeroU32;
use std::ops::RangeInclusive;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio::task::JoinSet;
use tokio::time::Instant;
use uuid::Uuid;

use super::client::{Client, ClientError, Insisted, version};
use super::protocol::{JoinEnd, LeaveEnd, Receipt};
use super::report::Report;
use super::schedule::{Event, Schedule, What};
use super::tally::{Tally, Tip};
use crate::dev::people::Simulated;
use crate::domain::signup::IdempotencyKeyError;
use crate::domain::{DealId, Figures, IdempotencyKey, SignupId, Units};
use crate::shutdown::Shutdown;

/// The server's figures are right within 2 seconds, within 10 after a crash.
const FIGURES_RIGHT_WITHIN: Duration = Duration::from_secs(10);
const ASK_FIGURES_EVERY: Duration = Duration::from_millis(500);

/// How fast.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// So many times as fast as it was recorded.
    Times(NonZeroU32),
    /// As fast as the server answers, but step after step.
    Max,
}

/// What is to be played.
#[derive(Clone, Debug)]
pub struct Replay {
    /// Onto which deal.
    pub deal: DealId,
    /// Who comes and goes when.
    pub schedule: Schedule,
    /// How fast.
    pub pace: Pace,
    /// How many units a buyer takes: a random number of these.
    pub units: RangeInclusive<u32>,
    /// The most calls at a time.
    pub concurrency: usize,
    /// What chance is drawn from.
    pub seed: u64,
}

/// Why a replay did not take place, or ended early.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// A client that cannot go on.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// More people join than there are buyers.
    #[error(
        "{wanted} buyers are needed, and there are {there}: make more with `muster loadtest prepare --buyers {wanted}`"
    )]
    TooFewBuyers {
        /// How many join.
        wanted: usize,
        /// How many there are.
        there: usize,
    },
    /// The units are not such as a signup may have.
    #[error("units must be from 1 to {}", Units::MAX)]
    Units,
    /// A key that cannot be sent: a defect.
    #[error(transparent)]
    Key(#[from] IdempotencyKeyError),
}

/// Somebody who has a place.
struct Present {
    buyer: Simulated,
    signup: SignupId,
    units: u32,
}

/// A call that ended.
enum Ended {
    Join { buyer: Simulated, at: Duration, outcome: Result<Insisted<JoinEnd>, ClientError> },
    Leave { present: Present, outcome: Result<Insisted<LeaveEnd>, ClientError> },
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
    tell: T,
}

/// Plays a schedule with these buyers, none of whom should have a place in the deal yet. `tell` hears the counts after each
/// call. A shutdown lets calls that are under way end, and starts no more.
///
/// # Errors
/// There are too few buyers, the deal cannot be seen, or the log cannot be written.
pub async fn replay(
    client: &Client,
    buyers: Vec<Simulated>,
    replay: &Replay,
    shutdown: &Shutdown,
    tell: impl Fn(&Tally),
) -> Result<Report, ReplayError> {
    let joins = replay.schedule.joins();
    if buyers.len() < joins {
        return Err(ReplayError::TooFewBuyers { wanted: joins, there: buyers.len() });
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
        // Another stream than the one that planned the schedule from the same seed.
        rng: StdRng::seed_from_u64(replay.seed.wrapping_add(1)),
        tally: Tally::default(),
        tell,
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

    /// Takes in what ends until then.
    async fn wait_until(&mut self, moment: Instant) -> Result<(), ReplayError> {
        loop {
            tokio::select! {
                () = tokio::time::sleep_until(moment) => return Ok(()),
                Some(ended) = self.calls.join_next() => self.take_in(ended)?,
            }
        }
    }

    /// Waits until at most so many calls are under way.
    async fn finish_calls(&mut self, at_most: usize) -> Result<(), ReplayError> {
        while self.calls.len() > at_most
            && let Some(ended) = self.calls.join_next().await
        {
            self.take_in(ended)?;
        }
        Ok(())
    }

    fn start_join(&mut self, event: Event) -> Result<(), ReplayError> {
        // There are as many buyers as joins, and whoever has left may come again.
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
        // Whoever is to leave may still be joining.
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
        (self.tell)(&self.tally);
        Ok(())
    }

    fn take_in_join(&mut self, buyer: Simulated, at: Duration, outcome: Insisted<JoinEnd>) {
        self.tally.count_repeats(outcome.repeats);
        self.tally.count_join(&outcome.end);
        match outcome.end {
            Ok(JoinEnd::Joined(receipt)) => self.welcome(buyer, at, receipt),
            Ok(JoinEnd::Refused(_)) => self.free.push(buyer),
            // Nobody knows whether this buyer has a place, so they do not come again.
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

    fn take_in_leave(&mut self, present: Present, outcome: Insisted<LeaveEnd>) {
        self.tally.count_repeats(outcome.repeats);
        self.tally.count_leave(&outcome.end, present.units);
        match outcome.end {
            Ok(LeaveEnd::Left) => self.free.push(present.buyer),
            Ok(LeaveEnd::Refused(_)) => self.present.push(present),
            Ok(LeaveEnd::Failed(_)) | Err(_) => {}
        }
    }
}

/// The server's figures, as soon as they are what they should be, or when they have had the time for it.
async fn settled_figures(
    client: &Client,
    deal: DealId,
    before: &Figures,
    tally: &Tally,
) -> Result<Figures, ReplayError> {
    let since = Instant::now();
    loop {
        let after = client.deal(deal).await?.progress;
        if Report::agrees(before, &after, tally) || since.elapsed() > FIGURES_RIGHT_WITHIN {
            return Ok(after);
        }
        tokio::time::sleep(ASK_FIGURES_EVERY).await;
    }
}

fn take_any<T>(from: &mut Vec<T>, rng: &mut StdRng) -> Option<T> {
    (!from.is_empty()).then(|| from.swap_remove(rng.random_range(0..from.len())))
}

/// Keys that no other replay has used, also not one with the same seed: theirs would be answered as replays.
struct Keys {
    run: Uuid,
    count: u64,
}

impl Keys {
    fn new() -> Self {
        Self { run: Uuid::now_v7(), count: 0 }
    }

    fn next(&mut self) -> Result<IdempotencyKey, IdempotencyKeyError> {
        self.count += 1;
        IdempotencyKey::parse(&format!("crowd-{}-{}", self.run, self.count))
    }
}
