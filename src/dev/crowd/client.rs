//! An API client that retries each request with its key until the answer is final.

use std::collections::BTreeMap;
use std::io;
use std::time::Duration;

use reqwest::header::RETRY_AFTER;
use reqwest::{RequestBuilder, Response};
use secrecy::ExposeSecret;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tokio::time::Instant;

use super::protocol::{self, Answer, JoinEnd, LeaveEnd, Next, Reply, Retry};
use crate::config::BaseUrl;
use crate::dev::people::Simulated;
use crate::domain::{DealId, DealState, Figures, IdempotencyKey, SignupId, Units};
use crate::engine::client_log::{self, ClientLog, PendingCall, Version};

const API: &str = "/api/v1";
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Longer than the server needs for a 202 (`lanes.reply_after_ms`).
const ANSWER_TIMEOUT: Duration = Duration::from_secs(15);
/// How long a request is retried before its outcome counts as unknown.
const RETRY_TIMEOUT: Duration = Duration::from_mins(2);

/// An API client for many buyers. Clones share a connection pool.
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    base: BaseUrl,
    log: Option<ClientLog>,
}

/// An error that ends the replay.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The HTTP client cannot be created.
    #[error("cannot create an HTTP client: {0}")]
    Setup(reqwest::Error),
    /// A GET request failed.
    #[error("{0}")]
    Get(reqwest::Error),
    /// The client log cannot be written, so the audit could not use it.
    #[error("cannot write the client log: {0}")]
    Log(#[from] io::Error),
}

/// The outcome of a request with all its retries.
pub(super) struct Outcome<T> {
    /// The final answer. `Err` is the reason for the last retry before the timeout; the request may have been
    /// committed.
    pub(super) end: Result<T, Retry>,
    pub(super) retries: Retries,
}

/// The number of retries by reason.
pub(super) type Retries = BTreeMap<Retry, u32>;

/// The fields of a deal that the crowd uses.
#[derive(Deserialize)]
pub(super) struct DealView {
    pub(super) id: DealId,
    pub(super) title: String,
    pub(super) progress: Figures,
}

#[derive(Deserialize)]
struct Page<T> {
    data: Vec<T>,
}

impl Client {
    /// A client of the server with this URL.
    ///
    /// # Errors
    /// The HTTP client cannot be created.
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

    /// Logs each request before it is sent, and its answer.
    #[must_use]
    pub fn with_log(mut self, log: ClientLog) -> Self {
        self.log = Some(log);
        self
    }

    pub(super) const fn log(&self) -> Option<&ClientLog> {
        self.log.as_ref()
    }

    /// A deal as the public API shows it.
    pub(super) async fn deal(&self, deal: DealId) -> Result<DealView, ClientError> {
        self.get(&format!("/deals/{deal}")).await
    }

    /// The open deal that was created last.
    ///
    /// # Errors
    /// The request fails.
    pub async fn newest_open_deal(&self) -> Result<Option<DealId>, ClientError> {
        Ok(self.deals(DealState::Open).await?.into_iter().map(|deal| deal.id).max())
    }

    /// The first page of deals in this state.
    pub(super) async fn deals(&self, state: DealState) -> Result<Vec<DealView>, ClientError> {
        let page: Page<DealView> = self.get(&format!("/deals?limit=100&state={}", state.as_str())).await?;
        Ok(page.data)
    }

    async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, ClientError> {
        let sent = self.http.get(self.url(path)).send().await;
        sent.and_then(Response::error_for_status).map_err(ClientError::Get)?.json().await.map_err(ClientError::Get)
    }

    /// Joins a deal, with retries.
    pub(super) async fn join(
        &self,
        buyer: &Simulated,
        deal: DealId,
        units: Units,
        key: &IdempotencyKey,
    ) -> Result<Outcome<JoinEnd>, ClientError> {
        let request = || {
            let post = self.http.post(self.url(&format!("/deals/{deal}/signups")));
            let units = serde_json::json!({ "units": units.get() });
            post.header("Idempotency-Key", key.as_str()).bearer_auth(buyer.token.expose_secret()).json(&units)
        };
        let before = |log: &ClientLog| log.joins(deal, buyer.account, key, units.get());
        self.send_until_final(request, before, protocol::after_join).await
    }

    /// Leaves a deal, with retries.
    pub(super) async fn leave(
        &self,
        buyer: &Simulated,
        deal: DealId,
        signup: SignupId,
    ) -> Result<Outcome<LeaveEnd>, ClientError> {
        let request =
            || self.http.delete(self.url(&format!("/signups/{signup}"))).bearer_auth(buyer.token.expose_secret());
        let before = |log: &ClientLog| log.leaves(deal, buyer.account, signup);
        self.send_until_final(request, before, protocol::after_leave).await
    }

    /// Sends a request until its answer is final, or until [`RETRY_TIMEOUT`].
    async fn send_until_final<T>(
        &self,
        request: impl Fn() -> RequestBuilder,
        before: impl Fn(&ClientLog) -> io::Result<PendingCall>,
        decide: impl Fn(&Reply, u32) -> Next<T>,
    ) -> Result<Outcome<T>, ClientError> {
        let since = Instant::now();
        let mut retries = Retries::new();
        for attempt in 1.. {
            let call = self.log.as_ref().map(&before).transpose()?;
            let reply = send(request()).await;
            if let (Some(log), Some(call)) = (&self.log, call) {
                log.answered(call, logged(&reply))?;
            }
            let (wait, reason) = match decide(&reply, attempt) {
                Next::Done(end) => return Ok(Outcome { end: Ok(end), retries }),
                Next::Again(wait, reason) => (wait, reason),
            };
            if since.elapsed() + wait > RETRY_TIMEOUT {
                return Ok(Outcome { end: Err(reason), retries });
            }
            *retries.entry(reason).or_default() += 1;
            tokio::time::sleep(wait).await;
        }
        Ok(Outcome { end: Err(Retry::Lost), retries })
    }

    fn url(&self, path: &str) -> String {
        self.base.join(&format!("{API}{path}"))
    }
}

/// The version of figures, in the form that the client log uses.
pub(super) const fn version(figures: &Figures) -> Version {
    Version { epoch: figures.epoch, rev: figures.rev }
}

async fn send(request: RequestBuilder) -> Reply {
    match read(request).await {
        Ok(answer) => Reply::Answered(answer),
        // The outermost error, "error sending request", is useless without its causes.
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
    // A body that is not JSON, such as that of a 204 or a proxy's error page, counts as an object without fields.
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
