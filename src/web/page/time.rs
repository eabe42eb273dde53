//! Times for people: in the deal's time zone, with the zone's abbreviation.

use askama::Template;
use askama::filters::HtmlSafe;
use chrono::{DateTime, SecondsFormat, Utc};
use chrono_tz::Tz;

use crate::web::words::TIME;

/// A point in time, as a `<time>` element.
#[derive(Clone, Debug, Template)]
#[template(source = r#"<time datetime="{{ iso }}">{{ text }}</time>"#, ext = "html")]
pub struct Moment {
    /// RFC 3339 in UTC, for programs.
    pub iso: String,
    /// The local time, for people: `Tue 1 Dec 2026, 19:00 WIB`.
    pub text: String,
}

impl HtmlSafe for Moment {}

impl Moment {
    /// The local time in this zone, to the minute.
    #[must_use]
    pub fn new(at: DateTime<Utc>, zone: Tz) -> Self {
        let iso = at.to_rfc3339_opts(SecondsFormat::Secs, true);
        Self { iso, text: at.with_timezone(&zone).format("%a %-d %b %Y, %H:%M %Z").to_string() }
    }

    /// The local date in this zone.
    #[must_use]
    pub fn day(at: DateTime<Utc>, zone: Tz) -> Self {
        let iso = at.to_rfc3339_opts(SecondsFormat::Secs, true);
        Self { iso, text: at.with_timezone(&zone).format("%-d %b %Y").to_string() }
    }
}

/// The time from `now` until `then` in a single unit; zero once it has passed. The browser's countdowns round the same
/// way.
#[must_use]
pub fn time_until(then: DateTime<Utc>, now: DateTime<Utc>) -> String {
    let left = (then - now).num_milliseconds().max(0);
    let seconds = u64::try_from(left).unwrap_or(0).div_ceil(1000);
    let (sentence, n) = match seconds {
        172_800.. => (TIME.days, seconds / 86_400),
        7_200.. => (TIME.hours, seconds / 3_600),
        60.. => (TIME.minutes, seconds / 60),
        _ => (TIME.seconds, seconds),
    };
    sentence.say(u32::try_from(n).unwrap_or(u32::MAX), &[])
}
