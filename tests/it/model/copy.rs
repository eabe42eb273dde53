//! A copy of everything that a test has in Redis, to be restored later.

use muster::domain::DealId;
use muster::quota::Keys;
use redis::AsyncCommands;
use redis::aio::MultiplexedConnection;

use crate::support::servers::Backend;

/// Each key with its `DUMP`.
pub struct RedisCopy(Vec<(String, Vec<u8>)>);

impl RedisCopy {
    pub async fn of(backend: &Backend, redis: &mut MultiplexedConnection) -> Self {
        let keys: Vec<String> = redis.keys(format!("{}:*", backend.name)).await.unwrap();
        let mut kept = Vec::new();
        for key in keys {
            let dump: Option<Vec<u8>> = redis::cmd("DUMP").arg(&key).query_async(redis).await.unwrap();
            kept.extend(dump.map(|dump| (key, dump)));
        }
        Self(kept)
    }

    /// Replaces everything by the copy. The deals get another run id than that of Redis, as after a restart.
    pub async fn restart(&self, backend: &Backend, redis: &mut MultiplexedConnection) {
        backend.flush_redis().await;
        self.put(|_| true, redis).await;
        for (key, _) in self.0.iter().filter(|(key, _)| key.ends_with(":quota")) {
            let () = redis.hset(key, "run_id", "of an earlier run").await.unwrap();
        }
    }

    /// Replaces the keys of these deals by the copy.
    pub async fn put_back(&self, backend: &Backend, deals: &[DealId], redis: &mut MultiplexedConnection) {
        for deal in deals {
            let of_deal = Keys::new(&backend.name).quota(*deal).replace("quota", "");
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
            // One hour; the original expiry makes no difference.
            restore.arg(key).arg(3_600_000).arg(dump.as_slice()).arg("REPLACE");
            let () = restore.query_async(redis).await.unwrap();
        }
    }
}
