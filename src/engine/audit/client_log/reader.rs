//! Reads client logs.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::Path;

use chrono::{DateTime, Utc};
use serde::Deserialize;

use super::line::{Call, Frame, Line, Mark, Reply, TimedLine, Version};
use crate::domain::{AccountId, DealId, SignupId};

/// Why a client log cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The file does not exist or cannot be read.
    #[error("{path}: {why}")]
    File { path: String, why: io::Error },
    /// A line is not a valid line of a client log.
    #[error("{path}, line {number}: {why}")]
    Line {
        path: String,
        /// The line number, from 1.
        number: usize,
        why: String,
    },
}

/// A line with every field that any line may have.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawLine {
    at: DateTime<Utc>,
    n: Option<u64>,
    call: Option<String>,
    deal: Option<DealId>,
    buyer: Option<AccountId>,
    key: Option<String>,
    units: Option<u32>,
    signup: Option<SignupId>,
    status: Option<u16>,
    id: Option<SignupId>,
    number: Option<u32>,
    code: Option<String>,
    error: Option<String>,
    socket: Option<u64>,
    frame: Option<Frame>,
    closed: Option<bool>,
    from: Option<Version>,
    to: Option<Version>,
}

/// Reads a log line by line. Ignores an incomplete last line, which a killed client may leave.
///
/// # Errors
/// The file cannot be read. The iterator yields an error for each invalid line.
pub fn read(path: &Path) -> Result<impl Iterator<Item = Result<TimedLine, LogError>> + use<>, LogError> {
    let open = File::open(path);
    let path = path.display().to_string();
    let mut file = BufReader::new(open.map_err(|why| LogError::File { path: path.clone(), why })?);
    let mut number = 0;
    Ok(std::iter::from_fn(move || {
        let mut text = String::new();
        number += 1;
        match file.read_line(&mut text) {
            Ok(_) if !text.ends_with('\n') => None,
            Ok(_) => Some(parse(&text).map_err(|why| LogError::Line { path: path.clone(), number, why })),
            Err(why) => Some(Err(LogError::File { path: path.clone(), why })),
        }
    }))
}

fn parse(text: &str) -> Result<TimedLine, String> {
    let fields: RawLine = serde_json::from_str(text).map_err(|error| error.to_string())?;
    let at = fields.at;
    let line = line(fields)
        .ok_or("a field is missing: a call needs n, deal and buyer; an answer needs n and either status or error")?;
    Ok(TimedLine { at, line })
}

fn line(f: RawLine) -> Option<Line> {
    Some(match (f.call.as_deref(), f.socket) {
        (Some("join"), None) => {
            Line::Call { n: f.n?, call: Call::Join { deal: f.deal?, buyer: f.buyer?, key: f.key?, units: f.units? } }
        }
        (Some("leave"), None) => {
            Line::Call { n: f.n?, call: Call::Leave { deal: f.deal?, buyer: f.buyer?, signup: f.signup? } }
        }
        (None, Some(socket)) => match f.frame {
            Some(frame) => Line::Frame { socket, frame },
            None => Line::Closed { socket, closed: f.closed? },
        },
        (None, None) if f.from.is_some() || f.to.is_some() => {
            Line::Mark(Mark { deal: f.deal?, from: f.from, to: f.to })
        }
        (None, None) if f.status.is_some() || f.error.is_some() => Line::Reply {
            n: f.n?,
            reply: Reply { status: f.status, id: f.id, units: f.units, number: f.number, code: f.code, error: f.error },
        },
        _ => return None,
    })
}
