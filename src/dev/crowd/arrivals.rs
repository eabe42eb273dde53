//! A campaign as a series of samples, each with the number of buyers at that time.

use std::path::{Path, PathBuf};
use std::time::Duration;

use csv::StringRecord;

const HEADER: [&str; 2] = ["seconds", "joined"];
/// Line number of the first sample.
const FIRST_LINE: u64 = 2;
/// Ten years. A larger number is a mistake in the file.
const LONGEST_S: u64 = 10 * 366 * 24 * 60 * 60;

/// The number of buyers at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sample {
    /// Time since the first sample.
    pub at: Duration,
    /// Buyers who had joined and not left.
    pub joined: u32,
}

/// A campaign. Has at least one sample; the first is at second 0, and times increase strictly. Counts may fall.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arrivals(Vec<Sample>);

/// Why a file is not a recorded campaign. `line` is the line number in the file.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages explain the fields")]
pub enum ArrivalsError {
    /// The file cannot be read.
    #[error("cannot read {path}: {error}")]
    Unreadable { path: PathBuf, error: std::io::Error },
    /// The header is missing or has other columns.
    #[error("line 1: the header must be seconds,joined; it is {0}")]
    Header(String),
    /// A line is not valid CSV.
    #[error("line {line}: {message}")]
    NotCsv { line: u64, message: String },
    /// A line does not have exactly two fields.
    #[error("line {line}: expected the 2 fields seconds and joined, found {found}")]
    Fields { line: u64, found: usize },
    /// A field is not a whole number in the allowed range.
    #[error("line {line}: {field} must be a whole number from 0 to {max}; it is {found:?}")]
    NotANumber { line: u64, field: &'static str, found: String, max: u64 },
    /// The first sample is not at second 0.
    #[error("line {line}: the first sample must be at second 0; it is at {found}")]
    LateStart { line: u64, found: u64 },
    /// A sample is not later than the one before it.
    #[error("line {line}: seconds must increase; {found} does not come after {before}")]
    BackInTime { line: u64, found: u64, before: u64 },
    /// The file has no samples.
    #[error("the file has no samples")]
    Empty,
}

impl Arrivals {
    /// Reads a file in the format of [`Arrivals::parse`].
    ///
    /// # Errors
    /// The file cannot be read or parsed.
    pub fn read(path: &Path) -> Result<Self, ArrivalsError> {
        let text = std::fs::read(path).map_err(|error| ArrivalsError::Unreadable { path: path.to_owned(), error })?;
        Self::parse(&text)
    }

    /// Parses CSV with the columns `seconds`, since the first sample, and `joined`, the number of buyers at that time.
    ///
    /// # Errors
    /// The CSV is invalid. The error names the line.
    pub fn parse(csv: &[u8]) -> Result<Self, ArrivalsError> {
        let mut reader = csv::ReaderBuilder::new().flexible(true).trim(csv::Trim::All).from_reader(csv);
        let header = reader.headers().map_err(|error| not_csv(&error))?;
        if header.is_empty() {
            return Err(ArrivalsError::Empty);
        }
        if *header != HEADER[..] {
            return Err(ArrivalsError::Header(header.iter().collect::<Vec<_>>().join(",")));
        }
        let mut samples: Vec<Sample> = Vec::new();
        for record in reader.records() {
            let record = record.map_err(|error| not_csv(&error))?;
            let sample = parse_sample(&record, samples.last())?;
            samples.push(sample);
        }
        if samples.is_empty() { Err(ArrivalsError::Empty) } else { Ok(Self(samples)) }
    }

    /// A campaign with this many buyers at second 0, and later samples whose times increase.
    pub(super) fn of(at_start: u32, later: impl IntoIterator<Item = Sample>) -> Self {
        let first = Sample { at: Duration::ZERO, joined: at_start };
        Self(std::iter::once(first).chain(later).collect())
    }

    /// The samples in chronological order.
    #[must_use]
    pub fn samples(&self) -> &[Sample] {
        &self.0
    }

    /// The number of buyers at the end.
    #[must_use]
    pub fn at_the_end(&self) -> u32 {
        self.0.last().map_or(0, |sample| sample.joined)
    }

    /// The duration of the campaign.
    #[must_use]
    pub fn length(&self) -> Duration {
        self.0.last().map_or(Duration::ZERO, |sample| sample.at)
    }
}

fn parse_sample(record: &StringRecord, before: Option<&Sample>) -> Result<Sample, ArrivalsError> {
    let line = record.position().map_or(FIRST_LINE, csv::Position::line);
    let mut fields = record.iter();
    let (Some(seconds), Some(joined), None) = (fields.next(), fields.next(), fields.next()) else {
        return Err(ArrivalsError::Fields { line, found: record.len() });
    };
    let seconds = parse_number(line, "seconds", seconds, LONGEST_S)?;
    let joined = parse_number(line, "joined", joined, u64::from(u32::MAX))?;
    match before {
        None if seconds > 0 => return Err(ArrivalsError::LateStart { line, found: seconds }),
        Some(before) if seconds <= before.at.as_secs() => {
            return Err(ArrivalsError::BackInTime { line, found: seconds, before: before.at.as_secs() });
        }
        _ => {}
    }
    Ok(Sample { at: Duration::from_secs(seconds), joined: u32::try_from(joined).unwrap_or(u32::MAX) })
}

fn parse_number(line: u64, field: &'static str, text: &str, max: u64) -> Result<u64, ArrivalsError> {
    let number = text.parse().ok().filter(|number| *number <= max);
    number.ok_or_else(|| ArrivalsError::NotANumber { line, field, found: text.to_owned(), max })
}

fn not_csv(error: &csv::Error) -> ArrivalsError {
    let line = error.position().map_or(1, csv::Position::line);
    ArrivalsError::NotCsv { line, message: error.to_string() }
}

#[cfg(test)]
#[path = "arrivals_tests.rs"]
mod tests;
