//! Keyset pagination.

use chrono::{DateTime, Utc};
use uuid::Uuid;

/// The key of a page's last item: the time by which the list is ordered, and the id as a tie-breaker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor {
    pub at: DateTime<Utc>,
    pub id: Uuid,
}

/// A request for one page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageRequest {
    /// The maximum number of items; 1 to 100 in a request to the API.
    pub limit: u32,
    /// The last item of the previous page. `None` for the first page.
    pub cursor: Option<Cursor>,
}

impl PageRequest {
    /// The first page.
    #[must_use]
    pub const fn first(limit: u32) -> Self {
        Self { limit, cursor: None }
    }

    /// The `LIMIT` of the query. One extra item shows whether there is a next page.
    pub(crate) fn fetch(&self) -> i64 {
        i64::from(self.limit) + 1
    }

    pub(crate) fn after(&self) -> (Option<DateTime<Utc>>, Option<Uuid>) {
        (self.cursor.map(|c| c.at), self.cursor.map(|c| c.id))
    }
}

/// A page of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T> {
    pub items: Vec<T>,
    /// The cursor of the next page. `None` on the last page.
    pub next_cursor: Option<Cursor>,
}

impl<T> Page<T> {
    /// Cuts off the extra item, and sets the cursor of the next page.
    pub(crate) fn cut(mut items: Vec<T>, request: &PageRequest, place: impl Fn(&T) -> Cursor) -> Self {
        let limit = request.limit as usize;
        let has_next = items.len() > limit;
        items.truncate(limit);
        let next_cursor = if has_next { items.last().map(place) } else { None };
        Self { items, next_cursor }
    }

    /// The page with each item converted.
    pub fn map<U>(self, make: impl FnMut(T) -> U) -> Page<U> {
        Page { items: self.items.into_iter().map(make).collect(), next_cursor: self.next_cursor }
    }
}
