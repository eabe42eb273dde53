//! The home page: open deals and filters.

use askama::Template;
use serde::{Deserialize, Serialize};

use super::card::Card;
use crate::web::page::Layout;
use crate::web::paging::List;

/// The orders that a visitor can choose. Without one, the newest deals come first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// Only deals at four fifths of their tipping point or more, by closing time.
    Almost,
    /// By closing time.
    Ending,
}

/// The home page's query. Unknown parameters, such as tracking parameters, are ignored.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Filters {
    /// The search text.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub q: String,
    /// Only deals in this city.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub city: Option<String>,
    /// Only deals of this category.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub category: Option<String>,
    /// The order; none means newest first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub order: Option<Order>,
    /// The cursor of the page; none for the first page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}

impl Filters {
    /// Whether there is no filter, order or cursor.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        *self == Self::default()
    }

    /// Normalises the filters: trims them, removes control characters, truncates them to `chars_max` characters, and
    /// drops empty filters, which forms send for empty fields.
    #[must_use]
    pub fn normalised(mut self, chars_max: usize) -> Self {
        let tidy = |text: &str| text.trim().chars().filter(|c| !c.is_control()).take(chars_max).collect::<String>();
        let named = |text: Option<String>| text.map(|text| tidy(&text)).filter(|text| !text.is_empty());
        self.q = tidy(&self.q);
        self.city = named(self.city);
        self.category = named(self.category);
        self
    }

    /// The list that these filters select, to which cursors belong.
    #[must_use]
    pub fn list(&self) -> List {
        List::new(&Self { cursor: None, ..self.clone() }.url(), &[])
    }

    /// The URL of the page at this cursor, with the same filters.
    #[must_use]
    pub fn page_url(&self, cursor: String) -> String {
        Self { cursor: Some(cursor), ..self.clone() }.url()
    }

    fn url(&self) -> String {
        match serde_urlencoded::to_string(self) {
            Ok(query) if !query.is_empty() => format!("/?{query}"),
            _ => "/".to_owned(),
        }
    }

    fn without_order(&self) -> String {
        Self { order: None, cursor: None, ..self.clone() }.url()
    }

    fn with_order(&self, order: Order) -> String {
        Self { order: Some(order), cursor: None, ..self.clone() }.url()
    }

    fn is_order(&self, order: Order) -> bool {
        self.order == Some(order)
    }

    /// A chip that toggles the filter for this city.
    #[must_use]
    pub fn city_chip(&self, city: &str) -> Chip {
        let current = self.city.as_deref() == Some(city);
        let toggled = (!current).then(|| city.to_owned());
        let href = Self { city: toggled, cursor: None, ..self.clone() }.url();
        Chip { text: city.to_owned(), href, current }
    }

    /// A chip that toggles the filter for this category.
    #[must_use]
    pub fn category_chip(&self, category: &str) -> Chip {
        let current = self.category.as_deref() == Some(category);
        let toggled = (!current).then(|| category.to_owned());
        let href = Self { category: toggled, cursor: None, ..self.clone() }.url();
        Chip { text: category.to_owned(), href, current }
    }
}

/// A link that toggles a filter.
#[derive(Clone, Debug)]
pub struct Chip {
    text: String,
    href: String,
    current: bool,
}

/// The home page: `GET /`.
#[derive(Template)]
#[template(path = "buyer/home.html")]
pub struct HomePage {
    /// The page's layout.
    pub layout: Layout,
    /// The current filters.
    pub filters: Filters,
    /// The cities that have open deals.
    pub cities: Vec<Chip>,
    /// The categories that have open deals.
    pub categories: Vec<Chip>,
    /// The deals on this page.
    pub cards: Vec<Card>,
    /// The URL of the next page.
    pub next: Option<String>,
}

impl HomePage {
    fn heading(&self) -> String {
        let Filters { q, city, category, order, .. } = &self.filters;
        let what = match (q.as_str(), order) {
            ("", Some(Order::Almost)) => "Almost there".to_owned(),
            ("", Some(Order::Ending)) => "Ending soon".to_owned(),
            ("", None) => category.clone().unwrap_or_else(|| "Deals".to_owned()),
            (q, _) => format!("Deals with “{q}”"),
        };
        city.as_ref().map_or(what.clone(), |city| format!("{what} in {city}"))
    }
}
