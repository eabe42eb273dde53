//! The relay: news from the bus, and the truth when the bus fails.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use muster::config::LiveConfig;
use muster::domain::{DealId, Progress};
use muster::live::{BusEvent, Hub, Subscription, relay};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_stream::wrappers::ReceiverStream;

use super::feed::{hub, in_time, paced, progress, version};

/// A relay between a bus and a truth that the test holds.
struct Relay {
    hub: Hub,
    bus: mpsc::Sender<BusEvent>,
    truth: Arc<Mutex<Truth>>,
    task: JoinHandle<()>,
}

#[derive(Default)]
struct Truth {
    figures: HashMap<DealId, Progress>,
    away: bool,
    reads: Vec<Vec<DealId>>,
}

impl Relay {
    fn start(resync_every: Duration) -> Self {
        let config = LiveConfig { resync_every, frames_per_second_max: u32::MAX, ..paced() };
        let hub = hub(config);
        let (bus, news) = mpsc::channel(100);
        let truth = Arc::new(Mutex::new(Truth::default()));
        let read = truth.clone();
        let read = move |deals| {
            let answer = read.lock().unwrap_or_else(PoisonError::into_inner).read(deals);
            std::future::ready(answer)
        };
        let task = tokio::spawn(relay::run(hub.clone(), ReceiverStream::new(news), read));
        Self { hub, bus, truth, task }
    }

    fn set(&self, progress: Progress) {
        self.truth().figures.insert(progress.deal, progress);
    }

    fn truth(&self) -> std::sync::MutexGuard<'_, Truth> {
        self.truth.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Truth {
    fn read(&mut self, deals: Vec<DealId>) -> Result<Vec<Progress>, &'static str> {
        let figures = deals.iter().filter_map(|deal| self.figures.get(deal).copied()).collect();
        self.reads.push(deals);
        if self.away { Err("the database is away") } else { Ok(figures) }
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn rev(watcher: &mut Subscription) -> i64 {
    version(&in_time(watcher.next()).await).1
}

const SELDOM: Duration = Duration::from_hours(1);
const OFTEN: Duration = Duration::from_millis(20);

#[tokio::test]
async fn the_first_watcher_of_a_deal_gets_its_figures_without_waiting_for_news() {
    let relay = Relay::start(SELDOM);
    let deal = DealId::generate();
    relay.set(progress(deal, 5));
    let mut watcher = relay.hub.subscribe(deal);
    assert_eq!(rev(&mut watcher).await, 5);
}

#[tokio::test]
async fn news_reach_watchers() {
    let relay = Relay::start(SELDOM);
    let deal = DealId::generate();
    let mut watcher = relay.hub.subscribe(deal);
    relay.bus.send(BusEvent::Figures(progress(deal, 1))).await.unwrap();
    assert_eq!(rev(&mut watcher).await, 1);
}

#[tokio::test]
async fn what_the_bus_lost_is_read_from_the_truth() {
    let relay = Relay::start(OFTEN);
    let deal = DealId::generate();
    let mut watcher = relay.hub.subscribe(deal);
    relay.bus.send(BusEvent::Figures(progress(deal, 1))).await.unwrap();
    assert_eq!(rev(&mut watcher).await, 1);
    relay.set(progress(deal, 2));
    assert_eq!(rev(&mut watcher).await, 2);
}

#[tokio::test]
async fn after_a_gap_the_truth_is_read_at_once() {
    let relay = Relay::start(SELDOM);
    let deal = DealId::generate();
    relay.set(progress(deal, 1));
    let mut watcher = relay.hub.subscribe(deal);
    assert_eq!(rev(&mut watcher).await, 1);
    relay.set(progress(deal, 2));
    relay.bus.send(BusEvent::Gap).await.unwrap();
    assert_eq!(rev(&mut watcher).await, 2);
}

#[tokio::test]
async fn without_a_bus_counts_come_from_the_truth() {
    let config = LiveConfig { resync_every: OFTEN, ..paced() };
    let hub = hub(config);
    let deal = DealId::generate();
    let read = move |_deals| std::future::ready(Ok::<_, &str>(vec![progress(deal, 3)]));
    let task = tokio::spawn(relay::run(hub.clone(), futures_util::stream::empty(), read));
    let mut watcher = hub.subscribe(deal);
    assert_eq!(rev(&mut watcher).await, 3);
    task.abort();
}

#[tokio::test]
async fn a_failed_read_is_made_good_by_the_next() {
    let relay = Relay::start(OFTEN);
    let deal = DealId::generate();
    relay.set(progress(deal, 1));
    relay.truth().away = true;
    let mut watcher = relay.hub.subscribe(deal);
    super::feed::eventually(|| relay.truth().reads.len() > 3).await;
    relay.truth().away = false;
    assert_eq!(rev(&mut watcher).await, 1);
}

#[tokio::test]
async fn many_deals_are_read_in_bounded_calls() {
    let relay = Relay::start(SELDOM);
    let deals = std::iter::repeat_with(DealId::generate).take(1_200).collect::<Vec<_>>();
    let watchers = deals.iter().map(|deal| relay.hub.subscribe(*deal)).collect::<Vec<_>>();
    super::feed::eventually(|| relay.truth().reads.iter().flatten().count() >= deals.len()).await;
    assert!(relay.truth().reads.iter().all(|deals| deals.len() <= 500));
    drop(watchers);
}
