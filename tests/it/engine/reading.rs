//! Reading a deal, or the front page, while many do: one read for all of them, and what it says is never old.

use futures_util::future::join_all;
use muster::store::Store;
use sqlx::{Connection, Executor};
use tokio::task::JoinSet;

use crate::support::fault::until;
use crate::support::outcomes::joined;
use crate::support::{self, TestApp};

/// Reads all the time, in several tasks, until it is dropped.
fn many_read<F>(app: &TestApp, read: impl Fn(Store) -> F + Clone + Send + 'static) -> JoinSet<()>
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
async fn a_deal_shows_a_join_as_soon_as_it_was_answered_however_many_readers() {
    let app = support::app().start().await;
    let mo = app.merchant("Mo").await;
    let deal = app.deal(&mo).publish().await.id;
    let people = app.people("Pat", 40).await;
    let readers =
        many_read(&app, move |store: Store| async move { drop(store.shared_deal(deal).await.unwrap().unwrap()) });
    for (person, buyers) in people.iter().zip(1..) {
        joined(app.join(person, deal, 1, "a").await);
        let read = app.store.shared_deal(deal).await.unwrap().unwrap();
        assert_eq!(read.progress.buyers, buyers);
    }
    drop(readers);
}

#[tokio::test]
async fn a_connection_that_was_cut_between_two_reads_is_not_noticed() {
    let app = support::app().start().await;
    let mo = app.merchant("Mo").await;
    let deal = app.deal(&mo).publish().await.id;
    let mut postgres = app.home.connect().await;
    let cut = "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity \
               WHERE datname = current_database() AND pid <> pg_backend_pid()";
    for _ in 0..20 {
        app.store.shared_deal(deal).await.unwrap().unwrap();
        postgres.execute(cut).await.unwrap();
        app.store.shared_deal(deal).await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn the_home_page_shows_a_join_as_soon_as_it_was_answered_however_many_readers() {
    let app = support::app().start().await;
    let mo = app.merchant("Mo").await;
    let deal = app.deal(&mo).publish().await.id;
    let people = app.people("Pat", 40).await;
    let readers = many_read(&app, |store: Store| async move { drop(store.front_page().await.unwrap()) });
    for (person, buyers) in people.iter().zip(1..) {
        joined(app.join(person, deal, 1, "a").await);
        let read = app.store.front_page().await.unwrap();
        assert_eq!(read.deals.items[0].progress.buyers, buyers);
    }
    drop(readers);
}

#[tokio::test]
async fn concurrent_readers_of_the_home_page_share_one_read() {
    let app = support::app().start().await;
    let mut postgres = app.home.connect().await;
    let mut locked = postgres.begin().await.unwrap();
    locked.execute("LOCK TABLE deals IN ACCESS EXCLUSIVE MODE").await.unwrap();
    let everybody = join_all((0..50).map(|_| app.store.front_page()));
    let looks = async {
        until("somebody reads", async || app.home.waiting_for_locks().await > 0).await;
        let reading = app.home.waiting_for_locks().await;
        locked.commit().await.unwrap();
        reading
    };
    let (seen, reading) = tokio::join!(everybody, looks);
    assert_eq!(reading, 1);
    assert!(seen.into_iter().all(|page| page.unwrap().deals.items.is_empty()));
}
