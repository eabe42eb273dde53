//! Generated pictures for deals without a picture: a market stall with goods on its table.
//!
//! A drawing depends only on its URL, which names the goods and a seed for the colours. It needs no lookup and can be
//! cached for ever.

use askama::Template;
use sha2::{Digest, Sha256};

use crate::domain::Deal;
use crate::web::assets;

/// The goods on the stall's table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Goods {
    /// A loaf and a baguette.
    Bakery,
    Bicycle,
    /// A pile of books.
    Books,
    /// A bowl with noodles.
    Bowl,
    /// A cup of coffee.
    Coffee,
    /// A potted plant.
    Plant,
    /// A box with a ribbon, the default.
    Present,
    /// Stones and a flower.
    Spa,
    /// Two tickets.
    Tickets,
}

impl Goods {
    const ALL: [(Self, &'static str); 9] = [
        (Self::Bakery, "bakery"),
        (Self::Bicycle, "bicycle"),
        (Self::Books, "books"),
        (Self::Bowl, "bowl"),
        (Self::Coffee, "coffee"),
        (Self::Plant, "plant"),
        (Self::Present, "present"),
        (Self::Spa, "spa"),
        (Self::Tickets, "tickets"),
    ];

    /// The beginnings of words by which goods are recognised, first in a deal's title and then in its category.
    const HINTS: [(Self, &'static [&'static str]); 8] = [
        (Self::Coffee, &["coffee", "café", "cafe", "espresso", "tea", "drink"]),
        (Self::Bakery, &["bread", "bakery", "cake", "pastry", "croissant", "pizza", "breakfast"]),
        (Self::Spa, &["spa", "massage", "wellness", "beauty", "yoga", "sauna", "hair", "health"]),
        (Self::Bicycle, &["bike", "bicycle", "cycling", "sport", "fitness", "gym", "outdoor", "tour", "travel"]),
        (Self::Tickets, &["ticket", "show", "theatre", "theater", "concert", "cinema", "museum", "event", "culture"]),
        (Self::Plant, &["plant", "garden", "flower", "home"]),
        (Self::Books, &["book", "class", "course", "lesson", "learn", "workshop", "print"]),
        (Self::Bowl, &["food", "restaurant", "dinner", "lunch", "meal", "noodle", "ramen", "sushi", "curry", "brunch"]),
    ];

    /// The goods with this name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|(_, known)| *known == name).map(|(goods, _)| goods)
    }

    fn name(self) -> &'static str {
        Self::ALL.into_iter().find(|(goods, _)| *goods == self).map_or("present", |(_, name)| name)
    }

    fn recognise(text: &str) -> Option<Self> {
        let text = text.to_lowercase();
        let known = |hints: &[&str]| {
            text.split(|c: char| !c.is_alphanumeric()).any(|word| hints.iter().any(|hint| word.starts_with(hint)))
        };
        Self::HINTS.into_iter().find(|(_, hints)| known(hints)).map(|(goods, _)| goods)
    }

    fn of(deal: &Deal) -> Self {
        let named = deal.picture.as_deref().and_then(Self::parse);
        let by_title = || Self::recognise(&deal.terms.title);
        let by_category = || deal.terms.category.as_deref().and_then(Self::recognise);
        named.or_else(by_title).or_else(by_category).unwrap_or(Self::Present)
    }
}

/// The URL of a deal's picture: the bundled picture that the deal names, or else a drawing.
#[must_use]
pub fn picture_url(deal: &Deal) -> String {
    if let Some(bundled) = deal.picture.as_deref().and_then(assets::picture) {
        return bundled;
    }
    let seed = Sha256::digest(deal.id.as_uuid().as_bytes()).first().copied().unwrap_or_default();
    format!("/pictures/{}/{seed}.svg", Goods::of(deal).name())
}

struct Palette {
    wall: &'static str,
    glow: &'static str,
    stripe: &'static str,
    table: &'static str,
    shade: &'static str,
    accent: &'static str,
}

const PALETTES: [Palette; 6] = [
    palette("#ffe9dc", "#ffd3b8", "#e54d2e", "#b5652f", "#8f4c20", "#12a594"),
    palette("#dff4ee", "#bce7da", "#12806f", "#a06b3f", "#7c4f2b", "#ffb020"),
    palette("#fff3cd", "#ffe08f", "#dd8a0f", "#9a6231", "#774820", "#d13415"),
    palette("#f8e6ef", "#f0cadd", "#b03a6b", "#8f5f3d", "#6d452a", "#ffc53d"),
    palette("#e3eefb", "#c3daf4", "#34689c", "#a8733f", "#82562c", "#e54d2e"),
    palette("#eff2d9", "#dde4b2", "#66792a", "#8d5c34", "#6b4323", "#e5622e"),
];

const fn palette(
    wall: &'static str,
    glow: &'static str,
    stripe: &'static str,
    table: &'static str,
    shade: &'static str,
    accent: &'static str,
) -> Palette {
    Palette { wall, glow, stripe, table, shade, accent }
}

/// A drawing of a market stall, as SVG.
#[derive(Template)]
#[template(path = "pictures/stall.svg", escape = "none")]
pub struct Drawing {
    goods: Goods,
    colours: &'static Palette,
    sun_x: u32,
    mirrored: bool,
}

impl Drawing {
    /// The drawing of these goods, with the colours that the seed selects.
    #[must_use]
    pub fn new(goods: Goods, seed: u8) -> Self {
        let [first, ..] = &PALETTES;
        let colours = PALETTES.iter().cycle().nth(usize::from(seed)).unwrap_or(first);
        Self { goods, colours, sun_x: 200 + 40 * (u32::from(seed) / 6 % 7), mirrored: seed >= 128 }
    }
}
