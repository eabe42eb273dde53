//! Places in lists, as addresses and answers carry them: a short text that says nothing to people.

use chrono::DateTime;
use uuid::Uuid;

use crate::ledger::Cursor;

/// The text of a place.
#[must_use]
pub fn write(place: Cursor) -> String {
    format!("{:x}-{}", place.at.timestamp_micros(), place.id.simple())
}

/// The place of a text; none if it is not one of ours.
#[must_use]
pub fn parse(text: &str) -> Option<Cursor> {
    let (at, id) = text.split_once('-')?;
    let at = DateTime::from_timestamp_micros(i64::from_str_radix(at, 16).ok()?)?;
    Some(Cursor { at, id: Uuid::try_parse(id).ok()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_comes_back_as_it_went() {
        let at = DateTime::from_timestamp_micros(1_795_248_000_123_456).unwrap();
        let place = Cursor { at, id: Uuid::now_v7() };
        assert_eq!(parse(&write(place)), Some(place));
    }

    #[test]
    fn anything_else_is_no_place() {
        for text in [
            "",
            "-",
            "zz-0197f3b05c1e7c3a9d2b1f0a6e4c8b5d",
            "1",
            "7fffffffffffffff-0197f3b05c1e7c3a9d2b1f0a6e4c8b5d",
            "1-2",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
