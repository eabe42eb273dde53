//! Concurrent reads of a deal or the home page share one query, and no read is stale.

use futures_util::future::join_all;
use muster::store::Store;
use sqlx::{Connection, Executor};
use tokio::task::JoinSet;

use crate::support::fault::wait_until;
use crate::support::outcomes::joined;
use crate::support::{self, TestApp};

/// Reads in a loop, in several tasks, until the set is dropped.
fn spawn_readers<F>(app: &TestApp, read: impl Fn(Store) -> F + Clone + Send + 'static) -> JoinSet<()>
where
    F: Future<Output = ()> + Send,
{
    let mut readers = JoinSet::new();
    for _ in 0..8 {
        let (store, read) = (app.store.clone(), read.clone());
        readers.spawn(async move {
            loop {
                read(store.clone()).await;
            }
        });
    }
    readers
}

#[tokio::test]
async fn a_deal_read_after_a_join_shows_the_join_even_among_concurrent_reads() {
    let app = support::app().start().await;
    let mo = app.merchant("Mo").await;
    let deal = app.deal(&mo).publish().await.id;
    let people = app.people("Pat", 40).await;
    let readers =
        spawn_readers(&app, move |store: Store| async move { drop(store.shared_deal(deal).await.unwrap().unwrap()) });
    for (person, buyers) in people.iter().zip(1..) {
        joined(app.engine_join(person, deal, 1, "a").await);
        let read = app.store.shared_deal(deal).await.unwrap().unwrap();
        assert_eq!(read.progress.buyers, buyers);
    }
    drop(readers);
}

#[tokio::test]
async fn a_connection_lost_between_two_reads_is_replaced() {
    let app = support::app().start().await;
    let mo = app.merchant("Mo").await;
    let deal = app.deal(&mo).publish().await.id;
    let mut postgres = app.backend.connect().await;
    let cut = "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity \
               WHERE datname = current_database() AND pid <> pg_backend_pid()";
    for _ in 0..20 {
        app.store.shared_deal(deal).await.unwrap().unwrap();
        postgres.execute(cut).await.unwrap();
        app.store.shared_deal(deal).await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn a_home_page_read_after_a_join_shows_the_join_even_among_concurrent_reads() {
    let app = support::app().start().await;
    let mo = app.merchant("Mo").await;
    let deal = app.deal(&mo).publish().await.id;
    let people = app.people("Pat", 40).await;
    let readers = spawn_readers(&app, |store: Store| async move { drop(store.front_page().await.unwrap()) });
    for (person, buyers) in people.iter().zip(1..) {
        joined(app.engine_join(person, deal, 1, "a").await);
        let read = app.store.front_page().await.unwrap();
        assert_eq!(read.deals.items[0].progress.buyers, buyers);
    }
    drop(readers);
}

#[tokio::test]
async fn concurrent_reads_of_the_home_page_share_one_query() {
    let app = support::app().start().await;
    let mut postgres = app.backend.connect().await;
    let mut locked = postgres.begin().await.unwrap();
    locked.execute("LOCK TABLE deals IN ACCESS EXCLUSIVE MODE").await.unwrap();
    let reads = join_all((0..50).map(|_| app.store.front_page()));
    let check = async {
        wait_until("a query waits for the lock", async || app.backend.waiting_for_locks().await > 0).await;
        let waiting = app.backend.waiting_for_locks().await;
        locked.commit().await.unwrap();
        waiting
    };
    let (pages, waiting) = tokio::join!(reads, check);
    assert_eq!(waiting, 1);
    assert!(pages.into_iter().all(|page| page.unwrap().deals.items.is_empty()));
}
