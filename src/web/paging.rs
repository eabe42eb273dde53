//! Keyset pagination: `limit` and `cursor` in, `data` and `next_cursor` out.
//!
//! A cursor encodes the key of a page's last item, opaque to clients. It contains a checksum over the list and its
//! filters, so a cursor from another list, or from the same list with other filters, is refused.

use actix_web::HttpResponse;
use chrono::{DateTime, Datelike};
use data_encoding::BASE64URL_NOPAD;
use serde::Serialize;
use sha2::{Digest, Sha256};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::store::{Cursor, Page, PageRequest};
use crate::web::problem::{Code, Problem};
use crate::web::request::Query;

const LIMIT_DEFAULT: u32 = 20;
const LIMIT_MAX: u32 = 100;
const CHECKSUM_BYTES: usize = 6;
/// Every list is ordered by a time within these years.
const YEARS: std::ops::RangeInclusive<i32> = 1970..=9999;

/// A page of a list.
#[derive(Debug, Serialize, ToSchema)]
pub struct Listing<T> {
    /// The items of this page.
    pub data: Vec<T>,
    /// The `cursor` of the next page; null on the last page.
    pub next_cursor: Option<String>,
}

/// A list and its filters. A cursor is valid only for the list that it came from.
pub struct List(String);

impl List {
    /// The list with this name and these filters.
    #[must_use]
    pub fn new(name: &str, filters: &[&str]) -> Self {
        // Filters cannot contain control characters, so different lists cannot have the same text.
        Self(format!("{name}\n{}", filters.join("\n")))
    }

    /// The requested page, from the query's `limit` and `cursor`. Any other parameter left in the query is an error.
    ///
    /// # Errors
    /// The query or the cursor is invalid.
    pub fn page(&self, mut query: Query) -> Result<PageRequest, Problem> {
        let limit = query.number("limit", 1, LIMIT_MAX).unwrap_or(LIMIT_DEFAULT);
        let cursor = query.text("cursor");
        query.end()?;
        let cursor = match cursor {
            None => None,
            Some(text) => Some(self.read(&text).ok_or_else(|| Problem::new(Code::BadCursor))?),
        };
        Ok(PageRequest { limit, cursor })
    }

    /// The page as a response.
    #[must_use]
    pub fn respond<T: Serialize>(&self, page: Page<T>) -> HttpResponse {
        HttpResponse::Ok().json(self.listing(page))
    }

    /// The page as it is serialised.
    #[must_use]
    pub fn listing<T>(&self, page: Page<T>) -> Listing<T> {
        Listing { data: page.items, next_cursor: page.next_cursor.map(|cursor| self.write(cursor)) }
    }

    /// Encodes a cursor of this list.
    #[must_use]
    pub fn write(&self, cursor: Cursor) -> String {
        let mut bytes = Vec::with_capacity(8 + 16 + CHECKSUM_BYTES);
        bytes.extend(cursor.at.timestamp_micros().to_be_bytes());
        bytes.extend(cursor.id.as_bytes());
        let checksum = self.checksum(&bytes);
        bytes.extend(checksum);
        BASE64URL_NOPAD.encode(&bytes)
    }

    /// Decodes a cursor; none if it is malformed or belongs to another list.
    #[must_use]
    pub fn read(&self, text: &str) -> Option<Cursor> {
        let bytes = BASE64URL_NOPAD.decode(text.as_bytes()).ok()?;
        let (key, checksum) = bytes.split_at_checked(24)?;
        if checksum != self.checksum(key) {
            return None;
        }
        let (at, id) = key.split_first_chunk::<8>()?;
        let at = DateTime::from_timestamp_micros(i64::from_be_bytes(*at))?;
        // The checksum is not secret, so anybody can forge a cursor. This check refuses times that Postgres cannot
        // represent.
        YEARS.contains(&at.year()).then_some(())?;
        Some(Cursor { at, id: Uuid::from_slice(id).ok()? })
    }

    fn checksum(&self, key: &[u8]) -> [u8; CHECKSUM_BYTES] {
        let digest = Sha256::new().chain_update(key).chain_update(&self.0).finalize();
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
        fn every_cursor_round_trips(micros in 0_i64..4_102_444_800_000_000, id in any::<u128>()) {
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
    fn a_cursor_outside_the_range_of_years_is_refused() {
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
