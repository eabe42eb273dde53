//! How many people had joined a campaign, sample by sample.

use std::path::{Path, PathBuf};
use std::time::Duration;

use csv::StringRecord;

/// The header of a recorded campaign.
const HEADER: [&str; 2] = ["seconds", "joined"];
/// The first line that holds a sample.
const FIRST_LINE: u64 = 2;
/// Ten years: more is a mistake in the file, and nobody lets a machine wait for it.
const LONGEST_S: u64 = 10 * 366 * 24 * 60 * 60;

/// How many had joined at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sample {
    /// Since the first sample.
    pub at: Duration,
    /// Who had joined and not left until then.
    pub joined: u32,
}

/// A campaign: at least one sample, the first at second 0, each later than the one before it. The count may fall.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arrivals(Vec<Sample>);

/// Why a file is not a recorded campaign.
#[derive(Debug, thiserror::Error)]
pub enum ArrivalsError {
    /// The file cannot be opened.
    #[error("{path} cannot be read: {error}")]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// Why not.
        error: std::io::Error,
    },
    /// The first line is another one.
    #[error("line 1: the header must be seconds,joined; it is {0}")]
    Header(String),
    /// A line cannot be split into fields at all.
    #[error("line {line}: {message}")]
    NotCsv {
        /// Where.
        line: u64,
        /// What is wrong.
        message: String,
    },
    /// A line has another number of fields than two.
    #[error("line {line}: expected 2 fields, seconds and joined, and found {found}")]
    Fields {
        /// Where.
        line: u64,
        /// How many there are.
        found: usize,
    },
    /// A field is not a whole number, or too large.
    #[error("line {line}: {field} must be a whole number from 0 to {most}; it is {found:?}")]
    NotANumber {
        /// Where.
        line: u64,
        /// In which field.
        field: &'static str,
        /// What stands there.
        found: String,
        /// The largest number that may stand there.
        most: u64,
    },
    /// The first sample is not at second 0.
    #[error("line {line}: the first sample must be at second 0; it is at {found}")]
    LateStart {
        /// Where.
        line: u64,
        /// The second that stands there.
        found: u64,
    },
    /// A sample is not later than the one before it.
    #[error("line {line}: time must rise; {found} does not come after {before}")]
    BackInTime {
        /// Where.
        line: u64,
        /// The second that stands there.
        found: u64,
        /// The second of the line before.
        before: u64,
    },
    /// There is only a header, or not even that.
    #[error("there is no sample")]
    Empty,
}

impl Arrivals {
    /// Reads a file of [`Arrivals::parse`]'s form.
    ///
    /// # Errors
    /// The file cannot be read, or what is wrong in it, with the line.
    pub fn read(path: &Path) -> Result<Self, ArrivalsError> {
        let text = std::fs::read(path).map_err(|error| ArrivalsError::Unreadable { path: path.to_owned(), error })?;
        Self::parse(&text)
    }

    /// Reads CSV with the columns `seconds` (since the first sample) and `joined` (cumulative; it falls where people left).
    ///
    /// # Errors
    /// What is wrong, with the line.
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

    /// So many at the beginning, and samples whose times rise after it.
    pub(super) fn of(at_once: u32, later: impl IntoIterator<Item = Sample>) -> Self {
        let first = Sample { at: Duration::ZERO, joined: at_once };
        Self(std::iter::once(first).chain(later).collect())
    }

    /// The samples, in the order of time.
    #[must_use]
    pub fn samples(&self) -> &[Sample] {
        &self.0
    }

    /// How many have joined in the end.
    #[must_use]
    pub fn at_the_end(&self) -> u32 {
        self.0.last().map_or(0, |sample| sample.joined)
    }

    /// How long the campaign lasts.
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

fn parse_number(line: u64, field: &'static str, text: &str, most: u64) -> Result<u64, ArrivalsError> {
    let number = text.parse().ok().filter(|number| *number <= most);
    number.ok_or_else(|| ArrivalsError::NotANumber { line, field, found: text.to_owned(), most })
}

fn not_csv(error: &csv::Error) -> ArrivalsError {
    let line = error.position().map_or(1, csv::Position::line);
    ArrivalsError::NotCsv { line, message: error.to_string() }
}

#[cfg(test)]
#[path = "arrivals_tests.rs"]
mod tests;
