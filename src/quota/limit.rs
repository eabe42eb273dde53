//! Rate limits that all nodes share.

use std::time::Duration;

use super::{Quota, Unavailable, scripts};

/// The outcome of taking units from a rate limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// The units were taken.
    Ok {
        /// Units that can still be taken now.
        left: u32,
    },
    /// The cost was not taken. The debt was counted.
    Limited {
        /// The time until the cost can be taken.
        retry_after: Duration,
    },
}

/// The units to take from a limit, and the parameters of the limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Draw {
    /// The time in which one unit comes back, in microseconds.
    pub interval_us: i64,
    /// The maximum number of units.
    pub burst: u32,
    /// Units to take now.
    pub cost: u32,
    /// Units that the node granted earlier without calling Redis. Always counted.
    pub debt: u32,
}

impl Quota {
    /// Takes from the limit of this name for one subject. `who` must not contain braces: it is part of a hash tag.
    ///
    /// # Errors
    /// Redis is unavailable: the node's own limit decides alone.
    pub async fn draw(&self, name: &str, who: &str, draw: Draw) -> Result<Taken, Unavailable> {
        let link = self.any_link()?;
        let mut call = scripts::RATE_LIMIT.key(self.keys.rate(name, who));
        call.arg(draw.interval_us).arg(draw.burst).arg(draw.cost).arg(draw.debt);
        let reply: Result<(String, u64), _> = call.invoke_async(&mut link.connection.clone()).await;
        match reply {
            Ok((word, left)) if word == "ok" => Ok(Taken::Ok { left: u32::try_from(left).unwrap_or(u32::MAX) }),
            Ok((word, ms)) if word == "limited" => Ok(Taken::Limited { retry_after: Duration::from_millis(ms) }),
            Ok(reply) => {
                tracing::error!(?reply, "unexpected reply from lua/rate_limit.lua");
                Err(Unavailable)
            }
            Err(error) => Err(self.lost(&link, "rate_limit", &error)),
        }
    }
}
