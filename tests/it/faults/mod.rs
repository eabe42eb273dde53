//! Redis, Postgres and nodes fail under load in every way that the fault matrix lists. The promises hold during each
//! fault and after it.

mod aborted;
mod chaos;
mod crowd;
mod deadlocks;
mod failover;
mod last_line;
mod locks;
mod migrating;
mod postgres_slow;
mod rebuilt;
mod redis_evicting;
mod redis_refusing;
mod redis_stale;
mod restored;
mod scripts;
