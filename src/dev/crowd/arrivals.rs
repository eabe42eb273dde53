//! How many people had joined, and when: recorded, or invented.

use std::io;
use std::path::Path;

use serde::Deserialize;

/// One reading of a campaign.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub struct Reading {
    /// Seconds from the first reading.
    pub seconds: u64,
    /// How many had joined by then. It can fall, because people leave.
    pub joined: u64,
}

/// A campaign: readings in the order of their time, at least one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arrivals(Vec<Reading>);

impl Arrivals {
    /// Reads a file with the columns `seconds,joined`.
    ///
    /// # Errors
    /// It cannot be read, has no row, or goes back in time.
    pub fn read(path: &Path) -> io::Result<Self> {
        let wrong = |what: String| io::Error::new(io::ErrorKind::InvalidData, format!("{}: {what}", path.display()));
        let mut reader = csv::Reader::from_path(path).map_err(|error| wrong(error.to_string()))?;
        let readings: Vec<Reading> =
            reader.deserialize().collect::<Result<_, _>>().map_err(|error| wrong(error.to_string()))?;
        if readings.is_empty() {
            return Err(wrong("there is no row".to_owned()));
        }
        if let Some([before, _]) = readings.array_windows().find(|[before, after]| after.seconds < before.seconds) {
            return Err(wrong(format!("the time goes back after {} s", before.seconds)));
        }
        Ok(Self(readings))
    }

    /// Invents a campaign of so many buyers, read every minute: as real ones go, a rush at the start, a long quiet middle,
    /// and a rush before the end.
    #[must_use]
    #[expect(clippy::float_arithmetic, reason = "the shape of a curve")]
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a sketch"
    )]
    pub fn invented(buyers: u64, minutes: u64) -> Self {
        let minutes = minutes.max(1);
        let by = |minute: u64| {
            let x = minute as f64 / minutes as f64;
            let share = 0.35 * (1.0 - (-8.0 * x).exp()) / (1.0 - f64::exp(-8.0)) + 0.35 * x + 0.30 * x.powi(7);
            Reading { seconds: minute * 60, joined: (buyers as f64 * share).round() as u64 }
        };
        Self((0..=minutes).map(by).collect())
    }

    /// The readings.
    #[must_use]
    pub fn readings(&self) -> &[Reading] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> io::Result<Arrivals> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("arrivals.csv");
        std::fs::write(&path, text).unwrap();
        Arrivals::read(&path)
    }

    #[test]
    fn a_recorded_campaign_is_read_as_it_is() {
        let arrivals = read("seconds,joined\n0,10\n3600,12\n7200,11\n").unwrap();
        let joined: Vec<u64> = arrivals.readings().iter().map(|reading| reading.joined).collect();
        assert_eq!(joined, [10, 12, 11]);
    }

    #[test]
    fn what_is_wrong_with_a_file_is_said() {
        for (text, said) in [
            ("seconds,joined\n", "no row"),
            ("seconds,joined\n0,ten\n", "line 2"),
            ("time,joined\n0,1\n", "seconds"),
            ("seconds,joined\n60,1\n0,2\n", "goes back after 60 s"),
        ] {
            let error = read(text).unwrap_err().to_string();
            assert!(error.contains(said), "{error}");
        }
    }

    #[test]
    fn an_invented_campaign_ends_with_all_its_buyers_and_never_falls() {
        let arrivals = Arrivals::invented(500, 90);
        let joined: Vec<u64> = arrivals.readings().iter().map(|reading| reading.joined).collect();
        assert_eq!((joined[0], joined[90]), (0, 500));
        assert!(joined.is_sorted());
        let middle = joined[60] - joined[30];
        assert!(joined[30] > middle && joined[90] - joined[60] > middle, "{joined:?}");
    }
}
