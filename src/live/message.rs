//! The frame: what a browser is told about a deal.
//!
//! Frames are absolute, so that a browser which missed some needs only the next one. A frame is written once; the sockets
//! share its bytes.

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
