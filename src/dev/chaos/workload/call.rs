//! API requests that are retried until the answer is final.

use std::time::Duration;

use rand::RngExt;
use rand::rngs::StdRng;
use reqwest::{RequestBuilder, StatusCode};
use secrecy::ExposeSecret;
use serde::Deserialize;
use tokio::time::Instant;

use super::Round;
use crate::dev::people::Simulated;
use crate::domain::{DealId, IdempotencyKey, SignupId};
use crate::engine::client_log;

/// Short, so that a paused node does not block a client for long.
const ANSWER_TIMEOUT: Duration = Duration::from_millis(3_500);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
/// How long a request is retried before its outcome counts as unknown. Longer than any fault.
const TIMEOUT: Duration = Duration::from_secs(25);
const FIRST_WAIT_MS: u64 = 50;
const LONGEST_WAIT_MS: u64 = 1_000;

/// The parts of an answer that the clients check.
#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct Answer {
    #[serde(skip)]
    pub(super) status: u16,
    #[serde(skip)]
    pub(super) replayed: bool,
    #[serde(default)]
    pub(super) id: Option<SignupId>,
    #[serde(default)]
    pub(super) units: Option<u32>,
    #[serde(default)]
    pub(super) number: Option<u32>,
    #[serde(default)]
    pub(super) code: Option<String>,
    #[serde(default)]
    pub(super) coupon: Option<uuid::Uuid>,
}

/// The outcome of a request with its retries.
#[derive(Clone, Debug)]
pub(super) enum End {
    /// The final answer, and the number of the node that gave it.
    Answered(Answer, usize),
    /// No final answer arrived in time.
    Unknown,
}

pub(super) fn client() -> reqwest::Result<reqwest::Client> {
    reqwest::Client::builder()
        .no_proxy()
        .connect_timeout(CONNECT_TIMEOUT)
        .timeout(ANSWER_TIMEOUT)
        .tcp_nodelay(true)
        .build()
}

/// Sends a request once. An error means that its outcome is unknown.
pub(super) async fn send(request: RequestBuilder) -> Result<Answer, String> {
    let read = async {
        let response = request.send().await?;
        let status = response.status().as_u16();
        let replayed = response.headers().get("idempotency-replayed").is_some_and(|value| value == "true");
        let body = response.bytes().await?;
        let answer: Answer = serde_json::from_slice(&body).unwrap_or_default();
        Ok::<_, reqwest::Error>(Answer { status, replayed, ..answer })
    };
    read.await.map_err(|error| format!("{:#}", anyhow::Error::from(error.without_url())))
}

impl Round {
    /// Joins a deal. Each attempt goes to a random node.
    pub(super) async fn join(
        &self,
        buyer: &Simulated,
        deal: DealId,
        units: u32,
        key: &IdempotencyKey,
        rng: &mut StdRng,
    ) -> std::io::Result<End> {
        let since = Instant::now();
        let mut wait = FIRST_WAIT_MS;
        while since.elapsed() < TIMEOUT {
            let node = self.any_node(rng);
            let post = self.http.post(self.url(node, &format!("/deals/{deal}/signups")));
            let post = post.header("Idempotency-Key", key.as_str()).bearer_auth(buyer.token.expose_secret());
            let call = self.log.joins(deal, buyer.account, key, units)?;
            let answer = send(post.json(&serde_json::json!({ "units": units }))).await;
            self.log.answered(call, logged(&answer))?;
            if let Some(end) = self.end_if_final(answer, node) {
                return Ok(end);
            }
            tokio::time::sleep(Duration::from_millis(rng.random_range(wait / 2..=wait))).await;
            wait = (wait * 2).min(LONGEST_WAIT_MS);
        }
        self.observations.note("joins given up");
        Ok(End::Unknown)
    }

    /// Leaves a deal. Each attempt goes to a random node.
    pub(super) async fn leave(
        &self,
        buyer: &Simulated,
        deal: DealId,
        signup: SignupId,
        rng: &mut StdRng,
    ) -> std::io::Result<End> {
        let since = Instant::now();
        let mut wait = FIRST_WAIT_MS;
        while since.elapsed() < TIMEOUT {
            let node = self.any_node(rng);
            let delete = self.http.delete(self.url(node, &format!("/signups/{signup}")));
            let call = self.log.leaves(deal, buyer.account, signup)?;
            let answer = send(delete.bearer_auth(buyer.token.expose_secret())).await;
            self.log.answered(call, logged(&answer))?;
            if let Some(end) = self.end_if_final(answer, node) {
                return Ok(end);
            }
            tokio::time::sleep(Duration::from_millis(rng.random_range(wait / 2..=wait))).await;
            wait = (wait * 2).min(LONGEST_WAIT_MS);
        }
        self.observations.note("leaves given up");
        Ok(End::Unknown)
    }

    /// Returns the end of the request if the answer is final, and `None` if the request must be retried.
    pub(super) fn end_if_final(&self, answer: Result<Answer, String>, node: usize) -> Option<End> {
        let answer = match answer {
            Ok(answer) => answer,
            Err(_lost) => return None,
        };
        let code = answer.code.as_deref().unwrap_or_default();
        let is_final = match StatusCode::from_u16(answer.status) {
            Ok(StatusCode::ACCEPTED | StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT) => false,
            Ok(StatusCode::CONFLICT) => !["places_held", "pending"].contains(&code),
            Ok(status) if status.is_server_error() => {
                if status == StatusCode::INTERNAL_SERVER_ERROR {
                    self.observations.note("answered 500");
                }
                false
            }
            Ok(StatusCode::UNAUTHORIZED | StatusCode::NOT_FOUND | StatusCode::BAD_REQUEST) => {
                self.observations.find(format!("node {node} answered {} {code} to a valid request", answer.status));
                true
            }
            _ => true,
        };
        is_final.then_some(End::Answered(answer, node))
    }
}

fn logged(answer: &Result<Answer, String>) -> client_log::Reply {
    match answer {
        Ok(answer) => client_log::Reply {
            status: Some(answer.status),
            id: answer.id,
            units: answer.units,
            number: answer.number,
            code: answer.code.clone(),
            error: None,
        },
        Err(error) => client_log::Reply { error: Some(error.clone()), ..client_log::Reply::default() },
    }
}
