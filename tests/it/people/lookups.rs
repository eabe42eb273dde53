//! Looking up tokens and sessions that a node has not cached.

use futures_util::FutureExt;
use muster::people::{AuthError, Credential, FreshSecret};

use crate::support;

/// More lookups than a node queues.
const FLOOD: usize = 20_000;

/// A dropped lookup stays queued until the next statement. Clients that reset their connections cannot fill memory.
#[tokio::test]
async fn lookups_beyond_the_limit_are_busy_even_if_their_clients_have_disconnected() {
    let app = support::app().start().await;
    let ann = app.buyer("Ann").await;
    let tokens = app.backend.lock_table("tokens").await;
    let unknown = || app.auth.look_up(Credential::from(&FreshSecret::token())).now_or_never();
    let refusal = (0..FLOOD).find_map(|_| unknown());
    assert!(matches!(refusal, Some(Err(AuthError::Busy))), "{refusal:?}");
    tokens.unlock().await;
    let credential = Credential::token(&ann.token).unwrap();
    support::fault::wait_until(
        "Ann is identified again",
        async || matches!(app.auth.look_up(credential).await, Ok(Some(identity)) if identity.account == ann.id),
    )
    .await;
}
