use bytes::Bytes;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::{Connection, Written};

const FRAME: &[u8] = b"a frame";

/// The server's and the client's end of a connection.
async fn connect() -> (Connection, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let (served, _address) = listener.accept().await.unwrap();
    (Connection::new(served), client)
}

#[tokio::test]
async fn a_frame_never_interrupts_a_response_that_is_not_fully_written() {
    let (mut connection, mut client) = connect().await;
    let frame = Bytes::from_static(FRAME);
    connection.write_all(b"the beginning, ").await.unwrap();
    assert_eq!(connection.try_write(&frame), Written::Nothing);
    connection.write_all(b"the end, ").await.unwrap();
    connection.flush().await.unwrap();
    assert_eq!(connection.try_write(&frame), Written::Whole);
    drop(connection);
    let mut received = String::new();
    client.read_to_string(&mut received).await.unwrap();
    assert_eq!(received, "the beginning, the end, a frame");
}
