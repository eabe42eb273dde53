//! Lists in pages: where the last one ended, not how many were skipped.

use chrono::{DateTime, Utc};
use uuid::Uuid;

/// Where a page ended: the time by which the list is ordered, and the id that tells equal times apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// The last item's time.
    pub at: DateTime<Utc>,
    /// The last item's id.
    pub id: Uuid,
}

/// Which page is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageRequest {
    /// At most so many items; 1 to 100 when it comes from outside.
    pub limit: u32,
    /// After which item; none = from the beginning.
    pub cursor: Option<Cursor>,
}

impl PageRequest {
    /// The first page.
    #[must_use]
    pub const fn first(limit: u32) -> Self {
        Self { limit, cursor: None }
    }

    /// One more than wanted, to see whether there is a next page.
    pub(super) fn fetch(&self) -> i64 {
        i64::from(self.limit) + 1
    }

    pub(super) fn after(&self) -> (Option<DateTime<Utc>>, Option<Uuid>) {
        (self.cursor.map(|c| c.at), self.cursor.map(|c| c.id))
    }
}

/// A page of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T> {
    /// The items.
    pub items: Vec<T>,
    /// Where to go on; none at the end.
    pub next_cursor: Option<Cursor>,
}

impl<T> Page<T> {
    /// Cuts the one more that was fetched, and remembers where the page ends.
    pub(super) fn cut(mut items: Vec<T>, request: &PageRequest, place: impl Fn(&T) -> Cursor) -> Self {
        let most = request.limit as usize;
        let more = items.len() > most;
        items.truncate(most);
        let next_cursor = if more { items.last().map(place) } else { None };
        Self { items, next_cursor }
    }

    /// The same page of something made from its items.
    pub fn map<U>(self, make: impl FnMut(T) -> U) -> Page<U> {
        Page { items: self.items.into_iter().map(make).collect(), next_cursor: self.next_cursor }
    }
}
