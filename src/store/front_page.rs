//! The front page. Concurrent requests share one read.

use std::sync::Arc;

use super::coalesce::Source;
use super::deals::Facets;
use super::{DealFilter, DealOrder, Page, PageRequest, Store, StoreError};
use crate::domain::{Deal, DealState};

/// The number of deals on the front page.
pub const FRONT_PAGE_DEALS: u32 = 24;

/// The open and tipped deals, newest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FrontPage {
    /// The first [`FRONT_PAGE_DEALS`] deals.
    pub deals: Page<Deal>,
    /// The cities and categories of all open and tipped deals.
    pub facets: Facets,
}

struct Reads(Store);

impl Source for Reads {
    type Key = ();
    type Value = FrontPage;

    async fn read(&mut self, _: &[()]) -> Result<Vec<((), FrontPage)>, StoreError> {
        let filter = DealFilter {
            states: vec![DealState::Open, DealState::Tipped],
            order: DealOrder::Newest,
            ..DealFilter::default()
        };
        let deals = self.0.deals(&filter, &PageRequest::first(FRONT_PAGE_DEALS)).await?;
        Ok(vec![((), FrontPage { deals, facets: self.0.facets().await? })])
    }
}

impl Store {
    /// The front page, from a read that begins after the call. Concurrent calls share one read, and an unchanged page
    /// keeps its `Arc` for a moment.
    pub async fn front_page(&self) -> Result<Arc<FrontPage>, StoreError> {
        let read = self.front_page.read((), || Reads(self.clone())).await?;
        read.ok_or_else(StoreError::crashed)
    }
}
