//! The market: open deals, and ways to narrow them down.

use askama::Template;
use serde::{Deserialize, Serialize};

use super::{Shell, card::Card};
use crate::web::api::paging::List;

/// Which deals come first, or at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// Only those at four fifths of their tipping point or more.
    Almost,
    /// Those that close first.
    Ending,
}

/// What the address asks for. Unknown parameters are somebody else's and are ignored.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Filters {
    /// Words to look for.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub q: String,
    /// Only this city.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub city: Option<String>,
    /// Only this category.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub category: Option<String>,
    /// Which come first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub order: Option<Order>,
    /// Where the last page ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}

impl Filters {
    /// Whether nothing was asked for: the front page.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        *self == Self::default()
    }

    /// The same without what cannot be looked for: blanks that a form sends for fields that were left empty, control
    /// characters, and whatever goes beyond this many characters.
    #[must_use]
    pub fn tidied(mut self, most: usize) -> Self {
        let tidy = |text: &str| text.trim().chars().filter(|c| !c.is_control()).take(most).collect::<String>();
        let named = |text: Option<String>| text.map(|text| tidy(&text)).filter(|text| !text.is_empty());
        self.q = tidy(&self.q);
        self.city = named(self.city);
        self.category = named(self.category);
        self
    }

    /// The list that these filters make, for its cursors.
    #[must_use]
    pub fn list(&self) -> List {
        List::new(&Self { cursor: None, ..self.clone() }.address(), &[])
    }

    /// The address of what follows this page.
    #[must_use]
    pub fn at(&self, cursor: String) -> String {
        Self { cursor: Some(cursor), ..self.clone() }.address()
    }

    fn address(&self) -> String {
        match serde_urlencoded::to_string(self) {
            Ok(query) if !query.is_empty() => format!("/?{query}"),
            _ => "/".to_owned(),
        }
    }

    fn without_order(&self) -> String {
        Self { order: None, cursor: None, ..self.clone() }.address()
    }

    fn with_order(&self, order: Order) -> String {
        Self { order: Some(order), cursor: None, ..self.clone() }.address()
    }

    fn is_order(&self, order: Order) -> bool {
        self.order == Some(order)
    }

    /// A chip that switches this city on, or off again.
    #[must_use]
    pub fn city_chip(&self, city: &str) -> Chip {
        let current = self.city.as_deref() == Some(city);
        let city_asked = (!current).then(|| city.to_owned());
        let href = Self { city: city_asked, cursor: None, ..self.clone() }.address();
        Chip { text: city.to_owned(), href, current }
    }

    /// A chip that switches this category on, or off again.
    #[must_use]
    pub fn category_chip(&self, category: &str) -> Chip {
        let current = self.category.as_deref() == Some(category);
        let category_asked = (!current).then(|| category.to_owned());
        let href = Self { category: category_asked, cursor: None, ..self.clone() }.address();
        Chip { text: category.to_owned(), href, current }
    }
}

/// A filter to press.
#[derive(Clone, Debug)]
pub struct Chip {
    text: String,
    href: String,
    current: bool,
}

/// `GET /`
#[derive(Template)]
#[template(path = "buyer/home.html")]
pub struct HomePage {
    /// Its surroundings.
    pub shell: Shell,
    /// What was asked for.
    pub filters: Filters,
    /// The cities that have open deals.
    pub cities: Vec<Chip>,
    /// The categories that have open deals.
    pub categories: Vec<Chip>,
    /// The deals.
    pub cards: Vec<Card>,
    /// Where more are.
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
