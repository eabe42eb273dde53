//! Lists in pages: `limit` and `cursor` in, `data` and `next_cursor` out.
//!
//! A cursor is where a page ended, as text that only we read. It carries a check of what it was made for: a cursor of another
//! list, or of the same one with other filters, is refused instead of answering an odd page.

use actix_web::HttpResponse;
use chrono::{DateTime, Datelike};
use data_encoding::BASE64URL_NOPAD;
use serde::Serialize;
use sha2::{Digest, Sha256};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::store::{Cursor, Page, PageRequest};
use crate::web::error::Code;
use crate::web::extract::Query;
use crate::web::problem::Problem;

const LIMIT: u32 = 20;
const LIMIT_MAX: u32 = 100;
const CHECK_BYTES: usize = 6;
/// Every list is ordered by a time in these.
const YEARS: std::ops::RangeInclusive<i32> = 1970..=9999;

/// A page of a list.
#[derive(Debug, Serialize, ToSchema)]
pub struct Listing<T> {
    /// The items.
    pub data: Vec<T>,
    /// What to send as `cursor` for the next page; null at the end.
    pub next_cursor: Option<String>,
}

/// One list with its filters: what cursors belong to.
pub struct List(String);

impl List {
    /// The list of this name and these filters.
    #[must_use]
    pub fn new(name: &str, filters: &[&str]) -> Self {
        // A filter cannot hold a control character, so no two lists have one text.
        Self(format!("{name}\n{}", filters.join("\n")))
    }

    /// Which page is asked for. Takes `limit` and `cursor` from the query; with them, it must be empty.
    ///
    /// # Errors
    /// What is wrong with the query.
    pub fn page(&self, mut query: Query) -> Result<PageRequest, Problem> {
        let limit = query.number("limit", 1, LIMIT_MAX).unwrap_or(LIMIT);
        let cursor = query.text("cursor");
        query.end()?;
        let cursor = match cursor {
            None => None,
            Some(text) => Some(self.read(&text).ok_or_else(|| Problem::new(Code::BadCursor))?),
        };
        Ok(PageRequest { limit, cursor })
    }

    /// The page as it is answered.
    #[must_use]
    pub fn answer<T: Serialize>(&self, page: Page<T>) -> HttpResponse {
        HttpResponse::Ok().json(self.listing(page))
    }

    /// The page as it is written.
    #[must_use]
    pub fn listing<T>(&self, page: Page<T>) -> Listing<T> {
        Listing { data: page.items, next_cursor: page.next_cursor.map(|cursor| self.write(cursor)) }
    }

    /// The text of a place in this list.
    #[must_use]
    pub fn write(&self, cursor: Cursor) -> String {
        let mut bytes = Vec::with_capacity(8 + 16 + CHECK_BYTES);
        bytes.extend(cursor.at.timestamp_micros().to_be_bytes());
        bytes.extend(cursor.id.as_bytes());
        let check = self.check(&bytes);
        bytes.extend(check);
        BASE64URL_NOPAD.encode(&bytes)
    }

    /// The place of a text; none if it is none of this list.
    #[must_use]
    pub fn read(&self, text: &str) -> Option<Cursor> {
        let bytes = BASE64URL_NOPAD.decode(text.as_bytes()).ok()?;
        let (place, check) = bytes.split_at_checked(24)?;
        if check != self.check(place) {
            return None;
        }
        let (at, id) = place.split_first_chunk::<8>()?;
        let at = DateTime::from_timestamp_micros(i64::from_be_bytes(*at))?;
        // The check is no secret: anybody can make a cursor. Times that Postgres does not know end here.
        YEARS.contains(&at.year()).then_some(())?;
        Some(Cursor { at, id: Uuid::from_slice(id).ok()? })
    }

    fn check(&self, place: &[u8]) -> [u8; CHECK_BYTES] {
        let digest = Sha256::new().chain_update(place).chain_update(&self.0).finalize();
        digest.first_chunk().copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn list() -> List {
        List::new("deals", &["open", ""])
    }

    proptest! {
        #[test]
        fn every_cursor_is_read_back_as_it_was(micros in 0_i64..4_102_444_800_000_000, id in any::<u128>()) {
            let cursor = Cursor { at: DateTime::from_timestamp_micros(micros).unwrap(), id: Uuid::from_u128(id) };
            let text = list().write(cursor);
            prop_assert!(text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_'));
            prop_assert_eq!(list().read(&text), Some(cursor));
        }

        #[test]
        fn no_other_text_is_a_cursor(text in "\\PC{0,60}") {
            prop_assert_eq!(list().read(&text), None);
        }
    }

    #[test]
    fn a_cursor_of_a_time_that_nothing_has_is_none() {
        for at in [DateTime::<chrono::Utc>::MIN_UTC, DateTime::<chrono::Utc>::MAX_UTC] {
            assert!(list().read(&list().write(Cursor { at, id: Uuid::nil() })).is_none());
        }
    }

    #[test]
    fn a_cursor_of_another_list_or_with_other_filters_is_refused() {
        let text = list().write(Cursor { at: DateTime::UNIX_EPOCH, id: Uuid::nil() });
        assert!(List::new("signups", &["open", ""]).read(&text).is_none());
        assert!(List::new("deals", &["tipped", ""]).read(&text).is_none());
    }
}
