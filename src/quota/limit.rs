//! Rate limits that all nodes share.

use std::time::Duration;

use super::{Away, Quota, scripts};

/// What Redis says to somebody who wants to take from a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// Taken; so many more may be used now.
    Ok {
        /// How many.
        left: u32,
    },
    /// Nothing was taken.
    Limited {
        /// When the same can be taken.
        retry_after: Duration,
    },
}

/// How much is taken from a limit, and how fast it comes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Draw {
    /// The time in which one comes back, in microseconds.
    pub interval_us: i64,
    /// How many may be used at once.
    pub burst: u32,
    /// How many to take.
    pub cost: u32,
    /// How many were given out before without asking.
    pub debt: u32,
}

impl Quota {
    /// Takes from the limit of this name for this somebody. `who` must not hold braces: it is part of a hash tag.
    ///
    /// # Errors
    /// Redis is away: the node's own limit decides alone.
    pub async fn draw(&self, name: &str, who: &str, draw: Draw) -> Result<Taken, Away> {
        let link = self.any_link()?;
        let mut call = scripts::RATE_LIMIT.key(self.keys.rate(name, who));
        call.arg(draw.interval_us).arg(draw.burst).arg(draw.cost).arg(draw.debt);
        let reply: Result<(String, u64), _> = call.invoke_async(&mut link.connection.clone()).await;
        match reply {
            Ok((word, left)) if word == "ok" => Ok(Taken::Ok { left: u32::try_from(left).unwrap_or(u32::MAX) }),
            Ok((word, ms)) if word == "limited" => Ok(Taken::Limited { retry_after: Duration::from_millis(ms) }),
            Ok(reply) => {
                tracing::error!(?reply, "rate_limit answered something that it should not");
                Err(Away)
            }
            Err(error) => Err(self.lost(&link, "rate_limit", &error)),
        }
    }
}
