//! Rate limits that all nodes share.

use std::time::Duration;

use super::{Away, Quota, scripts};

/// The answer of a rate limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// Taken.
    Ok {
        /// Units that may still be taken now.
        left: u32,
    },
    /// Nothing was taken.
    Limited {
        /// When the cost can be taken.
        retry_after: Duration,
    },
}

/// Units to take from a limit, and how fast they come back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Draw {
    /// The time in which one unit comes back, in microseconds.
    pub interval_us: i64,
    /// The most units at once.
    pub burst: u32,
    /// Tokens to take.
    pub cost: u32,
    /// Units that the node granted earlier without asking.
    pub debt: u32,
}

impl Quota {
    /// Takes from the limit of this name for one subject. `who` must not contain braces: it is part of a hash tag.
    ///
    /// # Errors
    /// Redis is unavailable: the node's own limit decides alone.
    pub async fn draw(&self, name: &str, who: &str, draw: Draw) -> Result<Taken, Away> {
        let link = self.any_link()?;
        let mut call = scripts::RATE_LIMIT.key(self.keys.rate(name, who));
        call.arg(draw.interval_us).arg(draw.burst).arg(draw.cost).arg(draw.debt);
        let reply: Result<(String, u64), _> = call.invoke_async(&mut link.connection.clone()).await;
        match reply {
            Ok((word, left)) if word == "ok" => Ok(Taken::Ok { left: u32::try_from(left).unwrap_or(u32::MAX) }),
            Ok((word, ms)) if word == "limited" => Ok(Taken::Limited { retry_after: Duration::from_millis(ms) }),
            Ok(reply) => {
                tracing::error!(?reply, "unexpected reply from lua/rate_limit.lua");
                Err(Away)
            }
            Err(error) => Err(self.lost(&link, "rate_limit", &error)),
        }
    }
}
