//! A copy of everything that Redis holds of one test, to be put back when it is old.

use muster::domain::DealId;
use muster::quota::Keys;
use redis::AsyncCommands;
use redis::aio::MultiplexedConnection;

use crate::support::servers::Home;

/// Each key with what `DUMP` says.
pub struct Copy(Vec<(String, Vec<u8>)>);

impl Copy {
    pub async fn of(home: &Home, redis: &mut MultiplexedConnection) -> Self {
        let keys: Vec<String> = redis.keys(format!("{}:*", home.name)).await.unwrap();
        let mut kept = Vec::new();
        for key in keys {
            let dump: Option<Vec<u8>> = redis::cmd("DUMP").arg(&key).query_async(redis).await.unwrap();
            kept.extend(dump.map(|dump| (key, dump)));
        }
        Self(kept)
    }

    /// Puts it in the place of all that is there. Redis' run id is then another one than the deals were loaded under.
    pub async fn restart(&self, home: &Home, redis: &mut MultiplexedConnection) {
        home.forget_everything().await;
        self.put(|_| true, redis).await;
        for (key, _) in self.0.iter().filter(|(key, _)| key.ends_with(":quota")) {
            let () = redis.hset(key, "run_id", "of an earlier run").await.unwrap();
        }
    }

    /// Puts what it holds of these deals in the place of what is there of them.
    pub async fn put_back(&self, home: &Home, deals: &[DealId], redis: &mut MultiplexedConnection) {
        for deal in deals {
            let of_deal = Keys::new(&home.name).quota(*deal).replace("quota", "");
            let keys: Vec<String> = redis.keys(format!("{of_deal}*")).await.unwrap();
            if !keys.is_empty() {
                let () = redis.del(keys).await.unwrap();
            }
            self.put(|key| key.starts_with(&of_deal), redis).await;
        }
    }

    async fn put(&self, which: impl Fn(&str) -> bool, redis: &mut MultiplexedConnection) {
        for (key, dump) in self.0.iter().filter(|(key, _)| which(key)) {
            let mut restore = redis::cmd("RESTORE");
            // Ends in an hour: when the copied one would have ended makes no difference.
            restore.arg(key).arg(3_600_000).arg(dump.as_slice()).arg("REPLACE");
            let () = restore.query_async(redis).await.unwrap();
        }
    }
}
