//! The front page of the market, read once for all who look at it.
//!
//! As with single deals ([`super::together`]): a read begins after everybody whom it answers has asked, so nobody sees what was
//! true before; and as long as it says the same, it is one and the same in memory.

use std::sync::Arc;

use tokio::sync::Mutex;
use tokio::time::Instant;

use super::deals::Facets;
use super::together::SAME_FOR;
use super::{DealFilter, DealOrder, Page, PageRequest, Store, StoreError};
use crate::domain::{Deal, DealState};

/// How many deals are on it.
pub const FRONT_PAGE_DEALS: u32 = 24;

/// Deals that can be joined, the newest first, and what there is to filter by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FrontPage {
    /// The first of them.
    pub deals: Page<Deal>,
    /// Cities and categories of all of them.
    pub facets: Facets,
}

/// The last read. Who holds the lock reads; who waits for it is answered by that read if it has begun after they asked.
#[derive(Clone, Default)]
pub(super) struct LastRead(Arc<Mutex<Option<Read>>>);

struct Read {
    begun: Instant,
    /// Since when the page is one and the same in memory.
    since: Instant,
    page: Result<Arc<FrontPage>, StoreError>,
}

impl Store {
    /// The front page as it is now or later: the same one for all who were answered together, and for a moment as long as it
    /// does not change.
    ///
    /// # Errors
    /// Postgres is away.
    pub async fn front_page(&self) -> Result<Arc<FrontPage>, StoreError> {
        let asked = Instant::now();
        let mut last = self.front_page.0.lock().await;
        if let Some(read) = last.as_ref().filter(|read| read.begun > asked) {
            return read.page.as_ref().map(Arc::clone).map_err(StoreError::for_another);
        }
        let begun = Instant::now();
        let found = self.read_front_page().await;
        let (since, page) = match (found, last.take()) {
            (Ok(page), Some(Read { since, page: Ok(same), .. })) if *same == page && begun - since < SAME_FOR => {
                (since, Ok(same))
            }
            (found, _) => (begun, found.map(Arc::new)),
        };
        let answer = page.as_ref().map(Arc::clone).map_err(StoreError::for_another);
        *last = Some(Read { begun, since, page });
        answer
    }

    async fn read_front_page(&self) -> Result<FrontPage, StoreError> {
        let filter = DealFilter {
            states: vec![DealState::Open, DealState::Tipped],
            order: DealOrder::Newest,
            ..DealFilter::default()
        };
        let deals = self.deals(&filter, &PageRequest::first(FRONT_PAGE_DEALS)).await?;
        Ok(FrontPage { deals, facets: self.facets().await? })
    }
}
