//! The frame: what a browser is told about a deal.
//!
//! Frames are absolute, so that a browser which missed some needs only the next one. A frame is written once; the sockets
//! share its bytes.

use std::ops::Deref;

use actix_http::ws::{OpCode, Parser};
use bytes::{Bytes, BytesMut};
use bytestring::ByteString;
use chrono::{DateTime, SecondsFormat, Utc};
use serde::Serialize;

use crate::domain::{DealId, Figures, Progress};

#[derive(Serialize)]
struct ProgressFrame {
    r#type: &'static str,
    deal: DealId,
    #[serde(flatten)]
    figures: Figures,
    server_time: String,
}

/// Writes the frame of these figures. `server_time` lets the browser correct its own clock for the countdown.
///
/// # Errors
///
/// If the figures cannot be written as JSON, which no value of theirs should cause.
pub fn frame(progress: &Progress, server_time: DateTime<Utc>) -> Result<ByteString, serde_json::Error> {
    let frame = ProgressFrame {
        r#type: "progress",
        deal: progress.deal,
        figures: Figures::from(progress),
        server_time: server_time.to_rfc3339_opts(SecondsFormat::Millis, true),
    };
    serde_json::to_string(&frame).map(ByteString::from)
}

/// A frame, and the bytes that it is on the wire. Clones share them.
#[derive(Clone, Debug)]
pub struct Frame {
    text: ByteString,
    wire: Bytes,
}

impl Frame {
    /// The frame of this text.
    #[must_use]
    pub fn new(text: ByteString) -> Self {
        let mut wire = BytesMut::new();
        Parser::write_message(&mut wire, &text, OpCode::Text, true, false);
        Self { text, wire: wire.freeze() }
    }

    /// What it says, for who frames it himself.
    #[must_use]
    pub fn into_text(self) -> ByteString {
        self.text
    }

    /// A whole WebSocket message, as servers send it.
    #[must_use]
    pub const fn on_the_wire(&self) -> &Bytes {
        &self.wire
    }
}

impl Deref for Frame {
    type Target = str;

    fn deref(&self) -> &str {
        &self.text
    }
}
