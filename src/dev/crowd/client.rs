//! Calls of the API, each repeated with its key until the answer is final.

use std::collections::BTreeMap;
use std::io;
use std::time::Duration;

use reqwest::header::RETRY_AFTER;
use reqwest::{RequestBuilder, Response};
use secrecy::ExposeSecret;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tokio::time::Instant;

use super::protocol::{self, Answer, JoinEnd, LeaveEnd, Next, Reply, Why};
use crate::client_log::{self, ClientLog, PendingCall, Version};
use crate::config::BaseUrl;
use crate::dev::people::Simulated;
use crate::domain::{DealId, DealState, Figures, IdempotencyKey, SignupId, Units};

const API: &str = "/api/v1";
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Longer than the server takes to say that something takes long.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(15);
/// After this much time the outcome of a request is given up as unknown.
const PATIENCE: Duration = Duration::from_mins(2);

/// Somebody who calls the API, for many buyers. Clones share their connections.
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    base: BaseUrl,
    log: Option<ClientLog>,
}

/// Why the crowd cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The HTTP client cannot be made.
    #[error("no HTTP client: {0}")]
    Setup(reqwest::Error),
    /// A question that has no outcome to be known went unanswered.
    #[error("{0}")]
    Asking(reqwest::Error),
    /// The log cannot be written: what it must hold would be lost.
    #[error("the log cannot be written: {0}")]
    Log(#[from] io::Error),
}

/// How a call ended, and what it took.
pub(super) struct Insisted<T> {
    /// `Err`: given up, for this reason. It may have been recorded.
    pub(super) end: Result<T, Why>,
    pub(super) repeats: Repeats,
}

/// How often a request was repeated, and why.
pub(super) type Repeats = BTreeMap<Why, u32>;

/// A deal, as far as the crowd looks at it.
#[derive(Deserialize)]
pub(super) struct DealSeen {
    pub(super) id: DealId,
    pub(super) title: String,
    pub(super) progress: Figures,
}

#[derive(Deserialize)]
struct Page<T> {
    data: Vec<T>,
}

impl Client {
    /// A client of the server at this address.
    ///
    /// # Errors
    /// The HTTP client cannot be made.
    pub fn new(base: BaseUrl) -> Result<Self, ClientError> {
        let http = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(ANSWER_TIMEOUT)
            .tcp_nodelay(true)
            .build()
            .map_err(ClientError::Setup)?;
        Ok(Self { http, base, log: None })
    }

    /// Writes down each call before and after it.
    #[must_use]
    pub fn with_log(mut self, log: ClientLog) -> Self {
        self.log = Some(log);
        self
    }

    pub(super) const fn log(&self) -> Option<&ClientLog> {
        self.log.as_ref()
    }

    /// A deal as anybody sees it.
    pub(super) async fn deal(&self, deal: DealId) -> Result<DealSeen, ClientError> {
        self.ask(&format!("/deals/{deal}")).await
    }

    /// The deal that was made last of those that are open.
    ///
    /// # Errors
    /// The server does not answer.
    pub async fn newest_open_deal(&self) -> Result<Option<DealId>, ClientError> {
        Ok(self.deals(DealState::Open).await?.into_iter().map(|deal| deal.id).max())
    }

    /// Some deals in this state.
    pub(super) async fn deals(&self, state: DealState) -> Result<Vec<DealSeen>, ClientError> {
        let page: Page<DealSeen> = self.ask(&format!("/deals?limit=100&state={}", state.as_str())).await?;
        Ok(page.data)
    }

    async fn ask<T: DeserializeOwned>(&self, path: &str) -> Result<T, ClientError> {
        let sent = self.http.get(self.url(path)).send().await;
        sent.and_then(Response::error_for_status)
            .map_err(ClientError::Asking)?
            .json()
            .await
            .map_err(ClientError::Asking)
    }

    /// Joins.
    pub(super) async fn join(
        &self,
        buyer: &Simulated,
        deal: DealId,
        units: Units,
        key: &IdempotencyKey,
    ) -> Result<Insisted<JoinEnd>, ClientError> {
        let request = || {
            let post = self.http.post(self.url(&format!("/deals/{deal}/signups")));
            let units = serde_json::json!({ "units": units.get() });
            post.header("Idempotency-Key", key.as_str()).bearer_auth(buyer.token.expose_secret()).json(&units)
        };
        let before = |log: &ClientLog| log.joins(deal, buyer.account, key, units.get());
        self.insist(request, before, protocol::after_join).await
    }

    /// Leaves.
    pub(super) async fn leave(
        &self,
        buyer: &Simulated,
        deal: DealId,
        signup: SignupId,
    ) -> Result<Insisted<LeaveEnd>, ClientError> {
        let request =
            || self.http.delete(self.url(&format!("/signups/{signup}"))).bearer_auth(buyer.token.expose_secret());
        let before = |log: &ClientLog| log.leaves(deal, buyer.account, signup);
        self.insist(request, before, protocol::after_leave).await
    }

    /// Sends the same request until its answer is final.
    async fn insist<T>(
        &self,
        request: impl Fn() -> RequestBuilder,
        before: impl Fn(&ClientLog) -> io::Result<PendingCall>,
        decide: impl Fn(&Reply, u32) -> Next<T>,
    ) -> Result<Insisted<T>, ClientError> {
        let since = Instant::now();
        let mut repeats = Repeats::new();
        for attempt in 1.. {
            let asked = self.log.as_ref().map(&before).transpose()?;
            let reply = send(request()).await;
            if let (Some(log), Some(asked)) = (&self.log, asked) {
                log.answered(asked, logged(&reply))?;
            }
            let (wait, why) = match decide(&reply, attempt) {
                Next::Done(end) => return Ok(Insisted { end: Ok(end), repeats }),
                Next::Again(wait, why) => (wait, why),
            };
            if since.elapsed() + wait > PATIENCE {
                return Ok(Insisted { end: Err(why), repeats });
            }
            *repeats.entry(why).or_default() += 1;
            tokio::time::sleep(wait).await;
        }
        Ok(Insisted { end: Err(Why::Lost), repeats })
    }

    fn url(&self, path: &str) -> String {
        self.base.join(&format!("{API}{path}"))
    }
}

/// The version that figures have in a log.
pub(super) const fn version(figures: &Figures) -> Version {
    Version { epoch: figures.epoch, rev: figures.rev }
}

async fn send(request: RequestBuilder) -> Reply {
    match read(request).await {
        Ok(answer) => Reply::Answered(answer),
        // With its causes: "error sending request" alone says nothing.
        Err(error) => Reply::Lost(format!("{:#}", anyhow::Error::from(error.without_url()))),
    }
}

async fn read(request: RequestBuilder) -> Result<Answer, reqwest::Error> {
    let response = request.send().await?;
    let status = response.status().as_u16();
    let header = |name: &str| response.headers().get(name).and_then(|value| value.to_str().ok());
    let retry_after = header(RETRY_AFTER.as_str()).and_then(|text| text.parse().ok()).map(Duration::from_secs);
    let replayed = header("idempotency-replayed") == Some("true");
    let body = response.bytes().await?;
    // An answer without a body that can be read (204, or a proxy's page) has no fields.
    Ok(Answer { status, retry_after, replayed, body: serde_json::from_slice(&body).unwrap_or_default() })
}

fn logged(reply: &Reply) -> client_log::Reply {
    match reply {
        Reply::Answered(Answer { status, body, .. }) => client_log::Reply {
            status: Some(*status),
            id: body.id,
            units: body.units,
            number: body.number,
            code: body.code.clone(),
            error: None,
        },
        Reply::Lost(error) => client_log::Reply { error: Some(error.clone()), ..client_log::Reply::default() },
    }
}
