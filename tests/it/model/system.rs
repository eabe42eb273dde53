//! Real nodes on real Postgres and Redis that take a [`Step`].

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use muster::config::Config;
use muster::domain::{DealId, JoinOutcome, JoinRequest, Refusal};
use muster::engine::{Catching, WithdrawOutcome};
use redis::AsyncCommands;
use redis::aio::MultiplexedConnection;
use sqlx::PgConnection;
use tokio::runtime::{Builder, Runtime};

use super::copy::RedisCopy;
use super::node::KillableNode;
use super::promises::{Expected, Model, TERMS};
use super::steps::{BUYERS, CrashPoint, On, Place, Step};
use crate::support::fault::{NO_REDIS, wait_until};
use crate::support::people::join_request;
use crate::support::{self, Person, TestApp};

/// Longer than the time between a change and reconciling, during which the test does not move the clock.
const LATELY: Duration = Duration::from_mins(1);

pub struct System {
    app: TestApp,
    nodes: BTreeMap<u8, KillableNode>,
    mo: Person,
    buyers: Vec<Person>,
    deals: Vec<DealId>,
    /// Each deal's rev when it was published.
    published: Vec<i64>,
    copy: Option<RedisCopy>,
    redis: MultiplexedConnection,
    run_id: String,
    postgres: PgConnection,
    runtime: Runtime,
}

impl System {
    pub fn start() -> Self {
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let (app, mo, buyers, deals, published, redis, run_id, postgres) = runtime.block_on(async {
            let app = support::app().start().await;
            let mo = app.merchant("Mo").await;
            let buyers = app.people("Pat", BUYERS).await;
            let (mut deals, mut published) = (Vec::new(), Vec::new());
            for terms in TERMS {
                let hours = |n: i64| app.nodes[0].clock.now() + chrono::TimeDelta::minutes(60 * n - 30);
                let (opens, closes) = (hours(terms.opens), hours(terms.closes));
                let deal = app.deal(&mo).tipping_point(terms.tipping_point.into()).with(|form| {
                    form.cap = terms.cap.map(i64::from);
                    form.per_buyer_max = Some(terms.per_buyer_max.into());
                    form.opens_at = Some(opens);
                    form.closes_at = Some(closes);
                });
                let deal = deal.publish().await;
                deals.push(deal.id);
                published.push(deal.progress.rev);
            }
            let mut redis = app.backend.redis().await;
            let info: redis::InfoDict = redis::cmd("INFO").arg("server").query_async(&mut redis).await.unwrap();
            let postgres = app.backend.connect().await;
            (app, mo, buyers, deals, published, redis, info.get("run_id").unwrap(), postgres)
        });
        let nodes = [On::One, On::Two, On::WithoutRedis].map(|at| (at as u8, KillableNode::start(&config(&app, at))));
        let nodes = BTreeMap::from(nodes);
        Self { app, nodes, mo, buyers, deals, published, copy: None, redis, run_id, postgres, runtime }
    }

    pub fn apply_step(&mut self, step: &Step, model: &Model) {
        let expected = &model.expected;
        match *step {
            Step::Join(at, place, units) => {
                let outcome = self.join(at, place, units);
                assert_outcome(&outcome, expected, false);
            }
            Step::Leave(at, place) => {
                let (engine, buyer) = (self.node(at).engine.clone(), self.buyers[place.buyer].id);
                let signup = self.request(place, 1).id;
                let outcome = self.node(at).run(async move { engine.leave(buyer, signup).await });
                assert_eq!(Expected::Left(outcome), *expected);
            }
            Step::TimePasses(hours) => {
                let by = Duration::from_hours(hours.unsigned_abs());
                self.runtime.block_on(self.app.clock.advance(by));
                self.nodes.values().for_each(KillableNode::sync_clock);
            }
            Step::Close(at) => {
                let engine = self.node(at).engine.clone();
                let ended = self.node(at).run(async move { engine.close_due().await.unwrap() });
                let mut ended: Vec<_> =
                    ended.iter().map(|id| self.deals.iter().position(|d| d == id).unwrap()).collect();
                ended.sort_unstable();
                assert_eq!(Expected::Closed(ended), *expected);
            }
            Step::Settle(at) => {
                let engine = self.node(at).engine.clone();
                let issued = self.node(at).run(async move { engine.settle(2).await.unwrap() });
                assert_eq!(Expected::Settled(issued), *expected);
            }
            Step::Withdraw(at, deal) => {
                let (engine, mo, deal) = (self.node(at).engine.clone(), self.mo.merchant_id(), self.deals[deal]);
                let outcome = self.node(at).run(async move { engine.withdraw(mo, deal, "ill").await.unwrap() });
                assert_eq!(Expected::Withdrawn(matches!(outcome, WithdrawOutcome::Withdrawn(_))), *expected);
            }
            Step::Crash(at, moment, place, units) => {
                self.crash(at, moment, place, units);
                let outcome = self.join(if at == On::One { On::Two } else { On::One }, place, units);
                assert_outcome(&outcome, expected, true);
            }
            Step::Wipe => self.runtime.block_on(self.app.backend.flush_redis()),
            Step::KeepCopy => {
                let copy = self.runtime.block_on(RedisCopy::of(&self.app.backend, &mut self.redis));
                self.copy = Some(copy);
            }
            Step::RestartFromCopy => {
                if let Some(copy) = &self.copy {
                    self.runtime.block_on(copy.restart(&self.app.backend, &mut self.redis));
                }
            }
            Step::PutCopyBack => self.put_copy_back(model),
            Step::FlushScripts => {
                let flush = async { redis::cmd("SCRIPT").arg("FLUSH").query_async(&mut self.redis).await.unwrap() };
                let () = self.runtime.block_on(flush);
            }
        }
        // The other nodes send Redis what a node without Redis did, but only every two seconds.
        if matches!(
            step,
            Step::Join(On::WithoutRedis, ..)
                | Step::Leave(On::WithoutRedis, _)
                | Step::Close(On::WithoutRedis)
                | Step::Withdraw(On::WithoutRedis, _)
                | Step::PutCopyBack
        ) {
            self.reconcile();
        }
    }

    /// Asserts that Postgres equals the model, and that Redis does, too, once it has received every change.
    pub fn compare(&mut self, model: &Model) {
        for (n, deal) in model.deals.iter().enumerate() {
            let id = self.deals[n];
            let progress = self.runtime.block_on(self.app.progress(id));
            let expected = (deal.state, deal.buyers(), deal.units(), self.published[n] + deal.changes);
            assert_eq!((progress.state, progress.buyers, progress.units, progress.rev), expected, "deal {n}");
            self.compare_signups(n, model);
            let key = muster::quota::Keys::new(&self.app.backend.name);
            let (quota, holds) = (key.quota(id), key.holds(id));
            let (redis, run_id) = (&mut self.redis, &self.run_id);
            let what = format!("Redis has the figures of deal {n}: {expected:?}");
            let agreed = wait_until(&what, async || {
                let (known, held): (BTreeMap<String, String>, i64) =
                    redis::pipe().hgetall(&quota).zcard(&holds).query_async(redis).await.unwrap();
                let is_loaded =
                    known.get("loaded").is_some_and(|yes| yes == "1") && known.get("run_id") == Some(run_id);
                let field = |name: &str| known.get(name).map(String::as_str).unwrap_or_default().to_owned();
                let (state, buyers, units, rev) = expected;
                let expected_fields =
                    [state.as_str().to_owned(), buyers.to_string(), units.to_string(), rev.to_string()];
                held == 0 && (!is_loaded || ["state", "buyers", "units", "rev"].map(field) == expected_fields)
            });
            self.runtime.block_on(agreed);
        }
    }

    fn compare_signups(&mut self, n: usize, model: &Model) {
        let rows = sqlx::query_as::<_, (uuid::Uuid, i32, i32, String, i64)>(
            "SELECT s.id, s.units, s.number, s.state,
                    (SELECT count(*) FROM coupons AS c WHERE c.deal = s.deal AND c.signup = s.id)
               FROM signups AS s WHERE s.deal = $1",
        );
        let rows = self.runtime.block_on(rows.bind(self.deals[n].as_uuid()).fetch_all(&mut self.postgres)).unwrap();
        let found = rows.into_iter().map(|(id, units, number, state, coupons)| {
            (id, (units.unsigned_abs(), number.unsigned_abs(), state == "left", coupons.unsigned_abs()))
        });
        let expected = model.deals[n].signups.iter().map(|(place, signup)| {
            let coupons = if signup.is_settled { u64::from(signup.units) } else { 0 };
            (self.request(*place, 1).id.as_uuid(), (signup.units, signup.number, signup.has_left, coupons))
        });
        assert_eq!(found.collect::<BTreeMap<_, _>>(), expected.collect(), "signups of deal {n}");
    }

    /// Runs all workers and asserts that the audit is clean.
    pub fn end(self) {
        self.nodes.into_values().for_each(KillableNode::kill);
        let app = &self.app;
        self.runtime.block_on(async {
            app.close_now().await;
            app.settle_now().await;
            app.deliver_now().await;
            app.assert_clean().await;
        });
    }

    fn node(&self, at: On) -> &KillableNode {
        &self.nodes[&(at as u8)]
    }

    fn request(&self, place: Place, units: u32) -> JoinRequest {
        join_request(&self.buyers[place.buyer], self.deals[place.deal], units, &format!("key-{}", place.key))
    }

    /// Joins, and retries while holds of other joins block the free units, as a client does.
    fn join(&self, at: On, place: Place, units: u32) -> JoinOutcome {
        let (node, request) = (self.node(at), self.request(place, units));
        let join = async || {
            let engine = node.engine.clone();
            node.begin(async move { engine.join(request).await }).await.unwrap()
        };
        self.runtime.block_on(async {
            let mut outcome = join().await;
            wait_until("no hold of a dead node blocks the join", async || {
                let again = outcome == JoinOutcome::Refused(Refusal::PlacesHeld);
                if again {
                    outcome = join().await;
                }
                !again
            })
            .await;
            outcome
        })
    }

    /// Kills a node once a join has reached this point or was answered, and starts another in its place.
    fn crash(&mut self, at: On, moment: CrashPoint, place: Place, units: u32) {
        let request = self.request(place, units);
        let node = self.nodes.remove(&(at as u8)).unwrap();
        let engine = node.engine.clone();
        let joining = node.begin(async move { engine.join(request).await });
        let held = muster::quota::Keys::new(&self.app.backend.name).held(request.deal);
        let (redis, backend) = (&mut self.redis, &self.app.backend);
        self.runtime.block_on(wait_until("the join has reached the crash point", async || {
            let has_arrived = match moment {
                CrashPoint::Begun => true,
                CrashPoint::Held => redis.hexists(&held, request.id.to_string()).await.unwrap(),
                CrashPoint::Recorded => {
                    backend.query_i64(&format!("SELECT count(*) FROM signups WHERE id = '{}'", request.id)).await == 1
                }
            };
            has_arrived || joining.is_finished()
        }));
        node.kill();
        // Postgres completes what the node had sent, whether or not anybody waits for it.
        self.runtime.block_on(wait_until("Postgres has completed what the dead node had sent", async || {
            backend
                .query_i64(
                    "SELECT count(*) FROM pg_stat_activity
                  WHERE datname = current_database() AND state = 'active' AND pid <> pg_backend_pid()",
                )
                .await
                == 0
        }));
        self.nodes.insert(at as u8, KillableNode::start(&config(&self.app, at)));
    }

    fn put_copy_back(&mut self, model: &Model) {
        let Some(copy) = &self.copy else { return };
        let living = self.deals.iter().zip(&model.deals).filter(|(_, deal)| !deal.state.is_final());
        let living: Vec<DealId> = living.map(|(id, _)| *id).collect();
        self.runtime.block_on(copy.put_back(&self.app.backend, &living, &mut self.redis));
    }

    fn reconcile(&self) {
        let engine = self.node(On::One).engine.clone();
        self.node(On::One).run(async move { engine.reconcile(Some(LATELY), Catching::Everything).await.unwrap() });
        let engine = self.node(On::One).engine.clone();
        self.node(On::One).run(async move { engine.reconcile(None, Catching::Everything).await.unwrap() });
    }
}

fn config(app: &TestApp, at: On) -> Config {
    let mut config = (*Arc::clone(&app.config)).clone();
    if at == On::WithoutRedis {
        config.redis.url = NO_REDIS.into();
    }
    config
}

/// If `is_retry`, a killed node may have recorded the join already.
#[track_caller]
fn assert_outcome(outcome: &JoinOutcome, expected: &Expected, is_retry: bool) {
    match (outcome, expected) {
        (JoinOutcome::Joined(joined), Expected::Joined { units, number, has_left, replayed }) => {
            assert_eq!((joined.units, joined.number), (*units, *number));
            assert_eq!(joined.state == muster::domain::SignupState::Left, *has_left);
            assert!(is_retry || joined.replayed == *replayed, "replayed: {}", joined.replayed);
        }
        (JoinOutcome::Refused(why), Expected::Refused(reasons)) if reasons.contains(why) => {}
        _ => panic!("got {outcome:?}, expected {expected:?}"),
    }
}
