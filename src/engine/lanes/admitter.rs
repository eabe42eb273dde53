//! Requests admission from Redis, with one script call for all requests to a deal that arrived during the last call.

use std::collections::HashMap;

use futures_util::future::join_all;
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::job::{Job, JoinJob};
use crate::clock::Clock;
use crate::domain::{DealId, JoinOutcome, JoinRequest};
use crate::engine::load::{Loaded, Loader};
use crate::engine::sold_out::SoldOut;
use crate::failpoint;
use crate::quota::{Admission, Answer, Quota};

/// The maximum number of loads of a deal for one batch: its keys may vanish between the load and the next call.
const LOADS_MAX: usize = 3;

/// The dependencies of an admitter.
#[derive(Clone)]
pub(super) struct Admitter {
    pub(super) quota: Quota,
    pub(super) loader: Loader,
    pub(super) sold_out: SoldOut,
}

/// Runs until every sender of requests is dropped.
pub(super) async fn run(
    mut arrived: mpsc::Receiver<Job>,
    commit_queue: mpsc::Sender<Job>,
    admitter: Admitter,
    clock: Clock,
    batch_max: usize,
) {
    let mut jobs = Vec::with_capacity(batch_max);
    while arrived.recv_many(&mut jobs, batch_max).await > 0 {
        let mut of_deal: HashMap<DealId, Vec<JoinJob>> = HashMap::new();
        for job in jobs.drain(..) {
            match job {
                Job::Join(join) => of_deal.entry(join.request.deal).or_default().push(join),
                // A leave needs no admission: it frees units.
                Job::Leave(_) => pass_on(&commit_queue, job),
            }
        }
        let now_ms = clock.now().timestamp_millis();
        join_all(of_deal.into_iter().map(|(deal, joins)| admit(deal, joins, now_ms, &commit_queue, &admitter))).await;
    }
}

async fn admit(deal: DealId, joins: Vec<JoinJob>, now_ms: i64, commit_queue: &mpsc::Sender<Job>, admitter: &Admitter) {
    let began = Instant::now();
    let admission = admitter.quota.admit(deal, &requests(&joins), now_ms).await;
    metrics::histogram!("muster_admit_seconds").record(began.elapsed());
    metrics::histogram!("muster_admit_rows").record(u32::try_from(joins.len()).unwrap_or(u32::MAX));
    match admission {
        Ok(Admission::Answers(answers)) => {
            admitter.sold_out.record_answers(deal, began, &answers);
            sort(joins, &answers, commit_queue);
        }
        // Loading takes time, and other deals of this lane must not wait for it.
        Ok(Admission::Load) => {
            let (commit_queue, admitter) = (commit_queue.clone(), admitter.clone());
            tokio::spawn(async move { load_and_admit(deal, joins, now_ms, &commit_queue, &admitter).await });
        }
        // Degraded: Postgres decides alone.
        Err(_unavailable) => joins.into_iter().for_each(|join| pass_on(commit_queue, Job::Join(join))),
    }
}

async fn load_and_admit(
    deal: DealId,
    joins: Vec<JoinJob>,
    now_ms: i64,
    commit_queue: &mpsc::Sender<Job>,
    admitter: &Admitter,
) {
    for _ in 0..LOADS_MAX {
        match admitter.loader.load(deal).await {
            Loaded::Ready => {}
            Loaded::NoSuchDeal => return joins.into_iter().for_each(|join| join.answer(JoinOutcome::NoSuchDeal)),
            Loaded::Unavailable => break,
        }
        let began = Instant::now();
        match admitter.quota.admit(deal, &requests(&joins), now_ms).await {
            Ok(Admission::Answers(answers)) => {
                admitter.sold_out.record_answers(deal, began, &answers);
                return sort(joins, &answers, commit_queue);
            }
            Ok(Admission::Load) => {}
            Err(_unavailable) => break,
        }
    }
    for join in joins {
        pass_on(commit_queue, Job::Join(join));
    }
}

fn requests(joins: &[JoinJob]) -> Vec<JoinRequest> {
    joins.iter().map(|join| join.request).collect()
}

/// Passes admitted requests on to the committer. Answers refused requests immediately, so that no refusal waits for a
/// commit.
fn sort(joins: Vec<JoinJob>, answers: &[Answer], commit_queue: &mpsc::Sender<Job>) {
    for (join, answer) in joins.into_iter().zip(answers) {
        match answer {
            Answer::Admitted | Answer::Known => {
                failpoint::reach("after_admit");
                pass_on(commit_queue, Job::Join(join));
            }
            Answer::Refused { refusal, .. } => join.answer(JoinOutcome::Refused(*refusal)),
        }
    }
}

/// Passes a job to the committer. The channel has room for every slot of the lane, and each job has a slot.
fn pass_on(commit_queue: &mpsc::Sender<Job>, job: Job) {
    if commit_queue.try_send(job).is_err() {
        tracing::error!("a lane ended before its queue");
    }
}
