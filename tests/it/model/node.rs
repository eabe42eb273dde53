//! A node that can be killed: it runs in a runtime of its own, which is dropped with everything in flight.

use muster::app::startup;
use muster::clock::Clock;
use muster::config::Config;
use muster::domain::JoinOutcome;
use muster::engine::{CodeKeys, Engine};
use muster::store::Store;
use secrecy::ExposeSecret;
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinHandle;

use crate::support::fault::{NO_REDIS, wait_until};

pub struct KillableNode {
    pub engine: Engine,
    store: Store,
    clock: Clock,
    runtime: Runtime,
}

impl KillableNode {
    pub fn start(config: &Config) -> Self {
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let (engine, store, clock) = runtime.block_on(async {
            let (store, quota) = (startup::store(config).unwrap(), startup::quota(config).await.unwrap());
            let clock = Clock::new();
            clock.correct(store.ping().await.unwrap());
            let codes = config.security.coupon_keys.iter().map(|key| (key.id(), *key.secret())).collect();
            let engine = Engine::start(
                store.clone(),
                quota,
                &clock,
                CodeKeys::new(codes, Vec::new()),
                &startup::lane_settings(config),
            );
            if config.redis.url.expose_secret() != NO_REDIS {
                wait_until("the node is connected to Redis and admits joins", async || {
                    engine.catch_up_now().await.unwrap();
                    engine.admits()
                })
                .await;
            }
            (engine, store, clock)
        });
        Self { engine, store, clock, runtime }
    }

    /// Runs `work` in the node's runtime.
    pub fn run<T: Send + 'static>(&self, work: impl Future<Output = T> + Send + 'static) -> T {
        self.runtime.block_on(self.runtime.spawn(work)).unwrap()
    }

    /// Starts `work` in the node's runtime. It never finishes if the node is killed first.
    pub fn begin(&self, work: impl Future<Output = JoinOutcome> + Send + 'static) -> JoinHandle<JoinOutcome> {
        self.runtime.spawn(work)
    }

    /// Reads the clock of Postgres, as each commit does.
    pub fn sync_clock(&self) {
        let (store, clock) = (self.store.clone(), self.clock.clone());
        self.run(async move { clock.correct(store.ping().await.unwrap()) });
    }

    /// Kills the node: nothing in flight is answered. A statement that was already sent may still commit.
    pub fn kill(self) {
        self.runtime.shutdown_background();
    }
}
