//! Redis and Postgres lost, late, old, full and lying, and nodes killed, under load: what was promised holds meanwhile and
//! afterwards.

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
