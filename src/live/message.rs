//! The frame: the message that carries a deal's figures to a browser.
//!
//! Frames carry absolute figures, so a browser that missed frames needs only the next one. Each frame is rendered once,
//! and all sockets share its bytes.

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

/// Renders the JSON text of a frame. Browsers use `server_time` to correct their own clock for the countdown.
///
/// # Errors
///
/// If the figures cannot be serialised, which no valid `Progress` causes.
pub fn frame(progress: &Progress, server_time: DateTime<Utc>) -> Result<ByteString, serde_json::Error> {
    let frame = ProgressFrame {
        r#type: "progress",
        deal: progress.deal,
        figures: Figures::from(progress),
        server_time: server_time.to_rfc3339_opts(SecondsFormat::Millis, true),
    };
    serde_json::to_string(&frame).map(ByteString::from)
}

/// A rendered frame: its JSON text, and the same text encoded as a WebSocket message. Clones share both.
#[derive(Clone, Debug)]
pub struct Frame {
    text: ByteString,
    encoded: Bytes,
}

impl Frame {
    pub(super) fn new(text: ByteString) -> Self {
        let mut encoded = BytesMut::new();
        Parser::write_message(&mut encoded, &text, OpCode::Text, true, false);
        Self { text, encoded: encoded.freeze() }
    }

    /// The JSON text, for callers that do their own framing.
    pub(super) fn into_text(self) -> ByteString {
        self.text
    }

    /// A complete, unmasked WebSocket text message.
    pub(super) const fn encoded(&self) -> &Bytes {
        &self.encoded
    }
}

impl Deref for Frame {
    type Target = str;

    fn deref(&self) -> &str {
        &self.text
    }
}
