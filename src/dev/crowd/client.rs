//! A buyer's program: it knows the public API and keeps its protocol.

use std::io;
use std::time::Duration;

use reqwest::header::RETRY_AFTER;
use reqwest::{RequestBuilder, Response, StatusCode};
use secrecy::ExposeSecret;
use serde::Deserialize;
use tokio::time::Instant;

use super::Behaviour;
use crate::client_log::{Asked, ClientLog, Reply, Version};
use crate::dev::people::Simulated;
use crate::domain::signup::IdempotencyKeyError;
use crate::domain::{DealId, Figures, IdempotencyKey, SignupId};

/// No answer within this time is none.
const TIMEOUT: Duration = Duration::from_secs(30);
/// Before a lost call is repeated, and when a refusal does not say how long.
const PAUSE: Duration = Duration::from_millis(500);

/// Why a crowd could not play to the end.
#[derive(Debug, thiserror::Error)]
pub enum CrowdError {
    /// The log cannot be written.
    #[error("the log cannot be written: {0}")]
    Log(io::Error),
    /// The deal cannot be looked at.
    #[error("the deal cannot be looked at: {0}")]
    Http(#[from] reqwest::Error),
    /// The key is none.
    #[error(transparent)]
    Key(#[from] IdempotencyKeyError),
    /// A task of the crowd panicked.
    #[error("a buyer broke down: {0}")]
    Task(tokio::task::JoinError),
}

/// A connection pool to one server.
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    base_url: String,
}

/// A deal, as far as the crowd cares.
#[derive(Clone, Debug, Deserialize)]
pub struct Shown {
    /// What it offers.
    pub title: String,
    /// How it stands.
    pub progress: Figures,
}

impl Shown {
    pub(super) fn version(&self) -> Version {
        Version { epoch: self.progress.epoch, rev: self.progress.rev }
    }
}

/// A signup, as a 201 names it.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct JoinedSignup {
    pub(super) id: SignupId,
    pub(super) units: u32,
    pub(super) number: u32,
    pub(super) progress: Figures,
}

/// What became of a join.
pub(super) enum JoinAnswer {
    Joined(Box<JoinedSignup>),
    /// The code of the problem.
    Refused(String),
    /// Still pending, busy or unanswered when patience ended.
    GaveUp(String),
}

/// What became of leaving.
pub(super) enum LeaveAnswer {
    Left,
    Refused(String),
    GaveUp(String),
}

/// One answer of the server.
enum Heard {
    Joined(Box<JoinedSignup>),
    Left,
    Refused(String),
    /// To be asked again, after this time, with the same key.
    Later(Duration, String),
}

#[derive(Deserialize)]
struct ProblemCode {
    code: String,
}

impl Client {
    /// Talks to the server at this address.
    ///
    /// # Errors
    /// The system lacks what TLS needs.
    pub fn new(base_url: &str) -> Result<Self, CrowdError> {
        let http = reqwest::Client::builder().timeout(TIMEOUT).build()?;
        Ok(Self { http, base_url: base_url.trim_end_matches('/').to_owned() })
    }

    /// Looks at a deal.
    ///
    /// # Errors
    /// It is not there, or the server is away.
    pub async fn deal(&self, deal: DealId) -> Result<Shown, CrowdError> {
        let answer = self.http.get(format!("{}/api/v1/deals/{deal}", self.base_url)).send().await?;
        Ok(answer.error_for_status()?.json().await?)
    }

    pub(super) async fn join(
        &self,
        how: &Behaviour,
        person: &Simulated,
        units: u32,
        key: &IdempotencyKey,
    ) -> JoinAnswer {
        let url = format!("{}/api/v1/deals/{}/signups", self.base_url, how.deal);
        let ask = || {
            let asked = how.log.as_ref().map(|log| log.joins(how.deal, person.account, key, units)).transpose()?;
            let request = self.http.post(&url).bearer_auth(person.token.expose_secret());
            let request = request.header("Idempotency-Key", key.as_str()).json(&serde_json::json!({ "units": units }));
            Ok((asked, request))
        };
        match until_decided(how, ask).await {
            Heard::Joined(joined) => JoinAnswer::Joined(joined),
            Heard::Refused(code) => JoinAnswer::Refused(code),
            Heard::Later(_, why) => JoinAnswer::GaveUp(why),
            Heard::Left => JoinAnswer::Refused("no_content".to_owned()),
        }
    }

    pub(super) async fn leave(&self, how: &Behaviour, person: &Simulated, signup: SignupId) -> LeaveAnswer {
        let url = format!("{}/api/v1/signups/{signup}", self.base_url);
        let ask = || {
            let asked = how.log.as_ref().map(|log| log.leaves(how.deal, person.account, signup)).transpose()?;
            Ok((asked, self.http.delete(&url).bearer_auth(person.token.expose_secret())))
        };
        match until_decided(how, ask).await {
            Heard::Left => LeaveAnswer::Left,
            Heard::Refused(code) => LeaveAnswer::Refused(code),
            Heard::Later(_, why) => LeaveAnswer::GaveUp(why),
            Heard::Joined(_) => LeaveAnswer::Refused("joined".to_owned()),
        }
    }
}

/// A call that is noted, and the request to be made for it.
type Call = (Option<Asked>, RequestBuilder);

/// Asks until the server decides or patience ends.
async fn until_decided(how: &Behaviour, ask: impl Fn() -> io::Result<Call>) -> Heard {
    let deadline = Instant::now() + how.patience;
    loop {
        // A call that cannot be noted must not be made.
        let heard = match ask() {
            Ok(call) => send(call, how.log.as_ref()).await,
            Err(error) => Err(error),
        };
        match heard {
            Ok(Heard::Later(pause, _)) if Instant::now() + pause < deadline => tokio::time::sleep(pause).await,
            Ok(decided) => return decided,
            Err(error) => return Heard::Later(PAUSE, format!("log: {error}")),
        }
    }
}

async fn send((asked, request): Call, log: Option<&ClientLog>) -> io::Result<Heard> {
    let heard = match request.send().await {
        Ok(answer) => hear(answer).await,
        Err(error) => Err(error),
    };
    let (reply, heard) = match heard {
        Ok((status, heard)) => (reply(status, &heard), heard),
        Err(error) => {
            let error = Some(error.without_url().to_string());
            (Reply { error, ..Reply::default() }, Heard::Later(PAUSE, "unanswered".to_owned()))
        }
    };
    if let Some((log, asked)) = log.zip(asked) {
        log.answered(asked, reply)?;
    }
    Ok(heard)
}

fn reply(status: StatusCode, heard: &Heard) -> Reply {
    let mut reply = Reply { status: Some(status.as_u16()), ..Reply::default() };
    match heard {
        Heard::Joined(joined) => {
            reply.id = Some(joined.id);
            reply.units = Some(joined.units);
            reply.number = Some(joined.number);
        }
        Heard::Left => {}
        Heard::Refused(code) | Heard::Later(_, code) => reply.code = Some(code.clone()),
    }
    reply
}

async fn hear(answer: Response) -> Result<(StatusCode, Heard), reqwest::Error> {
    let status = answer.status();
    let pause = answer.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
    let pause = pause.map(Duration::from_secs);
    let heard = match status {
        StatusCode::CREATED => Heard::Joined(answer.json().await?),
        StatusCode::NO_CONTENT => Heard::Left,
        StatusCode::ACCEPTED => Heard::Later(pause.unwrap_or(PAUSE), "pending".to_owned()),
        _ => {
            let text = answer.bytes().await?;
            let problem = serde_json::from_slice::<ProblemCode>(&text);
            let code = problem.map_or_else(|_| format!("status_{}", status.as_u16()), |problem| problem.code);
            // Whoever is told when to come back is not refused: busy, places on hold, too many requests, pending.
            match pause {
                Some(pause) => Heard::Later(pause, code),
                None if code == "pending" || status.is_server_error() => Heard::Later(PAUSE, code),
                None => Heard::Refused(code),
            }
        }
    };
    Ok((status, heard))
}
