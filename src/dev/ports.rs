//! Addresses that must be free before anything is started on them.

use std::io;
use std::net::{SocketAddr, TcpListener};

/// An address that cannot be listened on.
#[derive(Debug, thiserror::Error)]
#[error("{address} is taken ({source}): another process listens there. Stop that process and try again")]
pub struct PortTaken {
    address: SocketAddr,
    source: io::Error,
}

/// Checks that no process listens on an address, so that later answers come from the server that is started next.
///
/// # Errors
/// The address cannot be listened on.
pub fn require_free(address: SocketAddr) -> Result<(), PortTaken> {
    TcpListener::bind(address).map(drop).map_err(|source| PortTaken { address, source })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_in_use_is_reported_and_a_free_one_is_not() {
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = taken.local_addr().unwrap();
        let message = require_free(address).unwrap_err().to_string();
        assert!(message.contains(&format!("{address} is taken")), "{message}");
        assert!(require_free("127.0.0.1:0".parse().unwrap()).is_ok());
    }
}
