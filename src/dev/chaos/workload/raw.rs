//! A client that resets its connection during a join, so that the server drops the handler's future half-way.

use std::time::Duration;

use rand::RngExt;
use rand::rngs::StdRng;
use secrecy::ExposeSecret;
use socket2::SockRef;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use super::Round;
use crate::dev::people::Simulated;
use crate::domain::{DealId, IdempotencyKey};
use crate::engine::client_log;

/// Maximum time between the request and the reset. The server may not have read the request, or may have answered it.
const LATEST_RESET_US: u64 = 8_000;

/// Sends a join and resets the connection moments later. The outcome is unknown, so the client retries with the same
/// key.
pub(super) async fn join_and_reset(
    round: &Round,
    buyer: &Simulated,
    deal: DealId,
    units: u32,
    key: &IdempotencyKey,
    rng: &mut StdRng,
) -> std::io::Result<()> {
    let node = round.any_node(rng);
    let Some(address) = round.nodes.get(node) else { return Ok(()) };
    let body = serde_json::json!({ "units": units }).to_string();
    let request = format!(
        "POST /api/v1/deals/{deal}/signups HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {}\r\n\
         Idempotency-Key: {}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        buyer.token.expose_secret(),
        key.as_str(),
        body.len(),
    );
    let call = round.log.joins(deal, buyer.account, key, units)?;
    let wait = Duration::from_micros(rng.random_range(0..LATEST_RESET_US));
    let sent = async {
        let mut connection = TcpStream::connect(address).await?;
        connection.write_all(request.as_bytes()).await?;
        tokio::time::sleep(wait).await;
        SockRef::from(&connection).set_linger(Some(Duration::ZERO))
    };
    let error = match sent.await {
        Ok(()) => "the client reset the connection".to_owned(),
        Err(error) => error.to_string(),
    };
    round.observations.note("connections reset in the middle of a join");
    round.log.answered(call, client_log::Reply { error: Some(error), ..client_log::Reply::default() })
}
