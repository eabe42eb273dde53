//! The page of a deal.

use std::rc::Rc;

use askama::Template;
use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::json;

use super::join::{JoinOption, JoinSection, OWN_DEAL};
use super::progress::{ProgressBlock, Size};
use super::{drawing, markdown, price::Price, script_json};
use crate::domain::Deal;
use crate::web::page::Layout;
use crate::web::page::time::Moment;
use crate::web::words::{DIFFERENT_BUYERS, UNITS};

/// A deal's page: `GET /deals/{deal}`.
#[derive(Template)]
#[template(path = "buyer/deal.html")]
pub struct DealPage {
    layout: Layout,
    join: JoinSection,
    title: String,
    merchant: String,
    city: Option<String>,
    category: Option<String>,
    summary: String,
    url: String,
    picture: String,
    picture_url: String,
    amount: String,
    currency: &'static str,
    json_ld: String,
    price: Price,
    progress: ProgressBlock,
    withdrawn_reason: Option<String>,
    description: Rc<str>,
    what_if: String,
    expires: Moment,
    opens: Moment,
    closes: Moment,
    per_buyer: String,
    cap: String,
    time_zone: &'static str,
}

impl DealPage {
    /// The page of this deal at the time `now`. `origin` is the public base URL, such as `https://muster.example`, for
    /// absolute links.
    #[must_use]
    pub fn new(layout: Layout, deal: &Deal, join: JoinSection, origin: &str, now: DateTime<Utc>) -> Self {
        let terms = &deal.terms;
        let zone = terms.time_zone;
        let url = format!("{origin}/deals/{}", deal.id);
        let picture = drawing::picture_url(deal);
        let picture_url = format!("{origin}{picture}");
        let summary = match markdown::summary(&terms.description, 160) {
            empty if empty.is_empty() => terms.title.clone(),
            summary => summary,
        };
        let closes = Moment::new(terms.closes_at, zone);
        Self {
            layout,
            join,
            title: terms.title.clone(),
            merchant: deal.merchant_name.clone(),
            city: terms.city.clone(),
            category: terms.category.clone(),
            json_ld: json_ld(deal, &summary, &url, &picture_url),
            summary,
            url,
            picture,
            picture_url,
            amount: terms.price.amount().to_string(),
            currency: terms.price.currency().code(),
            price: Price::new(terms, true),
            progress: ProgressBlock::new(deal, now, Size::Full),
            withdrawn_reason: deal.lifecycle.withdrawn_reason().map(str::to_owned),
            description: markdown::cached_html(&terms.description),
            what_if: format!(
                "The deal needs {} by {}. If fewer join, it is off: nobody pays, and nobody gets a coupon.",
                DIFFERENT_BUYERS.say(terms.tipping_point, &[]),
                closes.text
            ),
            expires: Moment::new(terms.coupon_expires_at, zone),
            opens: Moment::new(terms.opens_at, zone),
            closes,
            per_buyer: format!("{} at most", UNITS.say(terms.per_buyer_max, &[])),
            cap: terms.cap.map_or("No limit".to_owned(), |cap| format!("{} at most", UNITS.say(cap, &[]))),
            time_zone: zone.name(),
        }
    }
}

/// Structured data for search engines: a <https://schema.org/Product> with an offer.
fn json_ld(deal: &Deal, summary: &str, url: &str, picture_url: &str) -> String {
    let terms = &deal.terms;
    let availability = match deal.progress.state.sells() {
        true if deal.progress.sold_out() => "SoldOut",
        true => "LimitedAvailability",
        false => "Discontinued",
    };
    script_json(&json!({
        "@context": "https://schema.org",
        "@type": "Product",
        "name": terms.title,
        "description": summary,
        "image": picture_url,
        "url": url,
        "offers": {
            "@type": "Offer",
            "price": terms.price.amount().to_string(),
            "priceCurrency": terms.price.currency().code(),
            "availability": format!("https://schema.org/{availability}"),
            "validFrom": terms.opens_at.to_rfc3339_opts(SecondsFormat::Secs, true),
            "priceValidUntil": terms.closes_at.to_rfc3339_opts(SecondsFormat::Secs, true),
            "seller": { "@type": "Organization", "name": deal.merchant_name },
        },
    }))
}
