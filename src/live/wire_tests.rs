use bytes::Bytes;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::{Sent, Wire};

const FRAME: &[u8] = b"a frame";

/// A connection, seen by the server and by the client.
async fn connection() -> (Wire, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let (served, _address) = listener.accept().await.unwrap();
    (Wire::new(served), client)
}

#[tokio::test]
async fn no_frame_gets_into_what_the_dispatcher_has_not_written_to_its_end() {
    let (mut wire, mut client) = connection().await;
    let frame = Bytes::from_static(FRAME);
    wire.write_all(b"the beginning, ").await.unwrap();
    assert_eq!(wire.send(&frame), Sent::Not);
    wire.write_all(b"the end, ").await.unwrap();
    wire.flush().await.unwrap();
    assert_eq!(wire.send(&frame), Sent::Whole);
    drop(wire);
    let mut heard = String::new();
    client.read_to_string(&mut heard).await.unwrap();
    assert_eq!(heard, "the beginning, the end, a frame");
}
