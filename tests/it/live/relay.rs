//! The relay between the bus in Redis, the figures in Postgres, and the watchers.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::StreamExt;
use muster::config::LiveConfig;
use muster::domain::DealId;
use muster::live::{BusEvent, Hub, Subscription, relay};
use muster::quota::bus::Heard;
use muster::quota::{Keys, Quota, Settings};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_stream::wrappers::ReceiverStream;

use super::feed::{eventually, hub, throttled, version, with_deadline};
use crate::support::fault::wait_until;
use crate::support::people::join_request;
use crate::support::{Person, TestApp, app};

/// A relay beside the node's own, assembled as `startup` does it. It records what it reads from Postgres.
struct Relay {
    hub: Hub,
    quota: Quota,
    events: mpsc::Sender<Heard>,
    bus: JoinHandle<()>,
    reads: Arc<Mutex<Vec<Vec<DealId>>>>,
    task: JoinHandle<()>,
}

impl Relay {
    async fn start(app: &TestApp, resync_every: Duration) -> Self {
        let hub = hub(LiveConfig { resync_every, frames_per_second_max: u32::MAX, ..throttled() });
        let settings = Settings {
            url: app.backend.redis_url.clone().into(),
            prefix: app.backend.name.clone(),
            hold_ttl: app.config.redis.hold_ttl,
            connect_timeout: app.config.redis.connect_timeout,
            response_timeout: app.config.redis.response_timeout,
            keep_after_closing: Duration::from_hours(1),
            allow_eviction: false,
        };
        let quota = Quota::connect(settings).await.unwrap();
        let (events, received) = mpsc::channel(100);
        let news = ReceiverStream::new(received).map(|received| match received {
            Heard::Figures(progress) => BusEvent::Figures(progress),
            Heard::Gap => BusEvent::Gap,
        });
        let (reads, store) = (Arc::new(Mutex::new(Vec::new())), app.store.clone());
        let read = {
            let reads = Arc::clone(&reads);
            move |deals: Vec<DealId>| {
                reads.lock().unwrap_or_else(PoisonError::into_inner).push(deals.clone());
                let store = store.clone();
                async move { store.progress_of(&deals).await }
            }
        };
        let task = tokio::spawn(relay::run(hub.clone(), news, read));
        let bus = listen(&quota, &hub, &events);
        Self { hub, quota, events, bus, reads, task }
    }

    /// Watches a deal, and waits until the relay is subscribed to it.
    async fn watch(&self, app: &TestApp, deal: DealId) -> Subscription {
        let watcher = self.hub.subscribe(deal);
        self.wait_until_subscribed(app, deal, true).await;
        watcher
    }

    async fn wait_until_subscribed(&self, app: &TestApp, deal: DealId, expected: bool) {
        let (mut redis, channel) = (app.backend.redis().await, Keys::new(&app.backend.name).channel(deal));
        wait_until("Redis has the expected subscribers", async || {
            let (_, listeners): (String, u32) =
                redis::cmd("PUBSUB").arg("NUMSUB").arg(&channel).query_async(&mut redis).await.unwrap();
            (listeners > 0) == expected
        })
        .await;
    }

    fn reads(&self) -> Vec<Vec<DealId>> {
        self.reads.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn listen(quota: &Quota, hub: &Hub, events: &mpsc::Sender<Heard>) -> JoinHandle<()> {
    let (quota, watched, events) = (quota.clone(), hub.watched(), events.clone());
    tokio::spawn(async move { quota.listen(watched, events).await })
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.task.abort();
        self.bus.abort();
    }
}

async fn rev(watcher: &mut Subscription) -> i64 {
    version(&with_deadline(watcher.next()).await).1
}

/// A node, a buyer, and a deal with its rev.
async fn fixture() -> (TestApp, Person, DealId, i64) {
    let app = app().start().await;
    let (mo, ann) = (app.merchant("Mo").await, app.buyer("Ann").await);
    let published = app.deal(&mo).publish().await;
    (app, ann, published.id, published.progress.rev)
}

/// Commits a join without updating Redis, so nothing is published on the bus.
async fn commit_without_updating_redis(app: &TestApp, person: &Person, deal: DealId) {
    app.store.lane_connection().commit_signups(&[join_request(person, deal, 1, "unheard")]).await.unwrap();
}

const SELDOM: Duration = Duration::from_hours(1);
const OFTEN: Duration = Duration::from_millis(20);

#[tokio::test]
async fn the_first_watcher_of_a_deal_gets_its_figures_without_a_change() {
    let (app, _, deal, published) = fixture().await;
    let relay = Relay::start(&app, SELDOM).await;
    let mut watcher = relay.hub.subscribe(deal);
    assert_eq!(rev(&mut watcher).await, published);
}

#[tokio::test]
async fn changes_on_the_bus_reach_watchers() {
    let (app, ann, deal, published) = fixture().await;
    let relay = Relay::start(&app, SELDOM).await;
    let mut watcher = relay.watch(&app, deal).await;
    assert_eq!(rev(&mut watcher).await, published);
    app.engine_join(&ann, deal, 1, "a").await;
    assert_eq!(rev(&mut watcher).await, published + 1);
}

#[tokio::test]
async fn changes_lost_by_the_bus_are_read_from_postgres() {
    let (app, ann, deal, published) = fixture().await;
    let relay = Relay::start(&app, OFTEN).await;
    let mut watcher = relay.watch(&app, deal).await;
    assert_eq!(rev(&mut watcher).await, published);
    commit_without_updating_redis(&app, &ann, deal).await;
    assert_eq!(rev(&mut watcher).await, published + 1);
}

#[tokio::test]
async fn after_a_gap_on_the_bus_postgres_is_read_immediately() {
    let (app, ann, deal, published) = fixture().await;
    let mut relay = Relay::start(&app, SELDOM).await;
    let mut watcher = relay.watch(&app, deal).await;
    assert_eq!(rev(&mut watcher).await, published);
    // The connection to the bus is lost, and returns after it has missed a message.
    relay.bus.abort();
    relay.wait_until_subscribed(&app, deal, false).await;
    commit_without_updating_redis(&app, &ann, deal).await;
    relay.bus = listen(&relay.quota, &relay.hub, &relay.events);
    assert_eq!(rev(&mut watcher).await, published + 1);
}

#[tokio::test]
async fn without_a_bus_figures_come_from_postgres() {
    let (app, ann, deal, published) = fixture().await;
    let hub = hub(LiveConfig { resync_every: OFTEN, ..throttled() });
    let store = app.store.clone();
    let read = move |deals: Vec<DealId>| {
        let store = store.clone();
        async move { store.progress_of(&deals).await }
    };
    let task = tokio::spawn(relay::run(hub.clone(), futures_util::stream::empty(), read));
    let mut watcher = hub.subscribe(deal);
    assert_eq!(rev(&mut watcher).await, published);
    commit_without_updating_redis(&app, &ann, deal).await;
    assert_eq!(rev(&mut watcher).await, published + 1);
    task.abort();
}

#[tokio::test]
async fn a_failed_read_is_retried() {
    let (app, _, deal, published) = fixture().await;
    app.backend.sql("ALTER TABLE deals RENAME TO deals_of_others").await;
    assert!(app.store.progress_of(&[deal]).await.is_err());
    let relay = Relay::start(&app, OFTEN).await;
    let mut watcher = relay.hub.subscribe(deal);
    eventually(|| relay.reads().len() > 3).await;
    assert!(watcher.take_latest().is_none());
    app.backend.sql("ALTER TABLE deals_of_others RENAME TO deals").await;
    assert_eq!(rev(&mut watcher).await, published);
}

#[tokio::test]
async fn many_deals_are_read_in_bounded_calls() {
    let (app, _, deal, published) = fixture().await;
    let relay = Relay::start(&app, SELDOM).await;
    let deals = std::iter::repeat_with(DealId::generate).take(1_200).chain([deal]).collect::<Vec<_>>();
    let mut watchers = deals.iter().map(|deal| relay.hub.subscribe(*deal)).collect::<Vec<_>>();
    eventually(|| relay.reads().iter().flatten().count() >= deals.len()).await;
    assert!(relay.reads().iter().all(|deals| deals.len() <= 500));
    assert_eq!(rev(watchers.last_mut().unwrap()).await, published);
}
