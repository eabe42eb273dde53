//! The sentences that change while a page is open.
//!
//! The server renders them into the first paint, and the scripts in the browser update them afterwards. Both use this
//! module: [`as_module`] turns it into a script that browsers cache. Sentences that do not change are in the templates
//! and views.

use serde::Serialize;

/// A sentence with placeholders such as `{n}` and `{buyers}`, and two forms where English has a plural.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(untagged)]
pub enum Sentence {
    /// One form for every number.
    Plain(&'static str),
    /// Two forms, chosen by the plural rules of English.
    Plural {
        /// For exactly 1.
        one: &'static str,
        /// For every other number.
        other: &'static str,
    },
}

impl Sentence {
    /// The form for `n`, with the placeholders filled in.
    #[must_use]
    pub fn say(self, n: u32, values: &[(&str, &str)]) -> String {
        let form = match self {
            Self::Plain(form) => form,
            Self::Plural { one, .. } if n == 1 => one,
            Self::Plural { other, .. } => other,
        };
        let with_n = form.replace("{n}", &number(n));
        values.iter().fold(with_n, |sentence, (name, value)| sentence.replace(&format!("{{{name}}}"), value))
    }
}

const fn plain(text: &'static str) -> Sentence {
    Sentence::Plain(text)
}

const fn plural(one: &'static str, other: &'static str) -> Sentence {
    Sentence::Plural { one, other }
}

/// A number with its thousands grouped: `1,234`.
#[must_use]
pub fn number(n: u32) -> String {
    let digits = n.to_string();
    let mut grouped = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// The texts of a progress block and its join section in one phase.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct PhaseWords {
    /// The badge's colour: `plain`, `tension`, `success` or `action`.
    pub tone: &'static str,
    /// The badge's text; may be empty.
    pub badge: &'static str,
    /// The main sentence; `n` is the number of buyers needed.
    pub headline: Sentence,
    /// The line under the progress bar; `n` is the number of buyers.
    pub joined: Sentence,
    /// An explanation of the phase for buyers.
    pub explain: Sentence,
    /// Shown instead of the join button while the deal takes no joins.
    pub join: &'static str,
    /// Shown under the join button while the deal takes joins.
    pub note: &'static str,
}

const JOINED_OF_TIPPING_POINT: Sentence = plain("{buyers} of {tipping_point} joined");
const JOINED: Sentence = plural("{n} buyer joined", "{n} buyers joined");
const NEEDED: Sentence = plural("{n} more buyer needed", "{n} more buyers needed");
const UNTIL_IT_IS_ON: &str = "You pay nothing now. You can leave until the deal is on.";
const IT_IS_ON: &str = "You pay nothing now. The deal is on, so there is no leaving after joining.";
const ALL_OR_NOTHING: Sentence = plain("If too few join in time, nobody pays.");

/// The texts of every phase of a deal, by the phase's name.
#[derive(Debug, Serialize)]
pub(super) struct Phases {
    pub(super) draft: PhaseWords,
    pub(super) scheduled: PhaseWords,
    pub(super) open: PhaseWords,
    pub(super) almost: PhaseWords,
    pub(super) on: PhaseWords,
    pub(super) sold_out: PhaseWords,
    pub(super) closing: PhaseWords,
    pub(super) happened: PhaseWords,
    pub(super) failed: PhaseWords,
    pub(super) withdrawn: PhaseWords,
}

pub(super) const PHASES: Phases = Phases {
    draft: PhaseWords {
        tone: "plain",
        badge: "Draft",
        headline: plain("Not published yet"),
        joined: JOINED_OF_TIPPING_POINT,
        explain: plain("Only you can see it."),
        join: "Nobody can join it before it is published.",
        note: "",
    },
    scheduled: PhaseWords {
        tone: "plain",
        badge: "Opens soon",
        headline: plain("Opens {opens}"),
        joined: JOINED_OF_TIPPING_POINT,
        explain: ALL_OR_NOTHING,
        join: "You can join when it opens.",
        note: "",
    },
    open: PhaseWords {
        tone: "plain",
        badge: "",
        headline: NEEDED,
        joined: JOINED_OF_TIPPING_POINT,
        explain: ALL_OR_NOTHING,
        join: "",
        note: UNTIL_IT_IS_ON,
    },
    almost: PhaseWords {
        tone: "tension",
        badge: "Almost there",
        headline: NEEDED,
        joined: JOINED_OF_TIPPING_POINT,
        explain: ALL_OR_NOTHING,
        join: "",
        note: UNTIL_IT_IS_ON,
    },
    on: PhaseWords {
        tone: "success",
        badge: "",
        headline: plain("The deal is on"),
        joined: JOINED,
        explain: plain("Enough people joined. Everybody who joins now gets a coupon too."),
        join: "",
        note: IT_IS_ON,
    },
    sold_out: PhaseWords {
        tone: "success",
        badge: "",
        headline: plain("Sold out"),
        joined: JOINED,
        explain: plain("The deal is on, and every coupon is taken."),
        join: "Sold out: every coupon is taken.",
        note: "",
    },
    closing: PhaseWords {
        tone: "tension",
        badge: "",
        headline: plain("Time is up"),
        joined: JOINED,
        explain: plain("The result comes in a moment."),
        join: "Time is up.",
        note: "",
    },
    happened: PhaseWords {
        tone: "success",
        badge: "",
        headline: plain("It happened"),
        joined: JOINED,
        explain: plain("Enough people joined, and everybody got the coupon."),
        join: "This deal is over.",
        note: "",
    },
    failed: PhaseWords {
        tone: "plain",
        badge: "",
        headline: plain("Not enough buyers"),
        joined: JOINED_OF_TIPPING_POINT,
        explain: plain("The time ran out. Nobody pays."),
        join: "This deal is over.",
        note: "",
    },
    withdrawn: PhaseWords {
        tone: "plain",
        badge: "",
        headline: plain("Taken down"),
        joined: JOINED,
        explain: plain("The merchant took this deal down. Its coupons, if there were any, are void."),
        join: "This deal was taken down.",
        note: "",
    },
};

/// Durations, in a single unit.
#[derive(Debug, Serialize)]
pub(super) struct TimeWords {
    pub(super) days: Sentence,
    pub(super) hours: Sentence,
    pub(super) minutes: Sentence,
    pub(super) seconds: Sentence,
}

pub(super) const TIME: TimeWords = TimeWords {
    days: plural("{n} day", "{n} days"),
    hours: plural("{n} hour", "{n} hours"),
    minutes: plural("{n} minute", "{n} minutes"),
    seconds: plural("{n} second", "{n} seconds"),
};

/// The units left under the cap.
pub(super) const LEFT: Sentence = plural("{n} coupon left", "{n} coupons left");
/// A tipping point: distinct buyers, however many units each of them takes.
pub(super) const DIFFERENT_BUYERS: Sentence = plural("{n} buyer", "{n} different buyers");
/// A number of units.
pub(super) const UNITS: Sentence = plural("{n} coupon", "{n} coupons");

#[derive(Serialize)]
struct Joining {
    #[serde(rename = "joining")]
    under_way: &'static str,
    busy: Sentence,
    offline: Sentence,
}

#[derive(Serialize)]
struct Sharing {
    copied: &'static str,
}

#[derive(Serialize)]
struct Connection {
    lost: &'static str,
    age: Sentence,
}

/// Everything that the scripts need.
#[derive(Serialize)]
struct Words {
    phases: Phases,
    time: TimeWords,
    left: Sentence,
    join: Joining,
    share: Sharing,
    live: Connection,
}

const WORDS: Words = Words {
    phases: PHASES,
    time: TIME,
    left: LEFT,
    join: Joining {
        under_way: "Joining …",
        busy: plural("Busy: again in {n} second", "Busy: again in {n} seconds"),
        offline: plural("No connection: again in {n} second", "No connection: again in {n} seconds"),
    },
    share: Sharing { copied: "Link copied" },
    live: Connection {
        lost: "The connection was lost. The numbers may be old.",
        age: plural(
            "Connection lost. The numbers are {n} second old.",
            "Connection lost. The numbers are {n} seconds old.",
        ),
    },
};

/// The sentences as a JavaScript module with one default export.
#[must_use]
pub fn as_module() -> String {
    // Serialising strings with string keys cannot fail.
    format!("export default {};\n", serde_json::to_string(&WORDS).unwrap_or_default())
}
