//! What a buyer sees after joining.

use askama::Template;
use chrono::{DateTime, Utc};

use super::phase::Phase;
use super::progress::{ProgressBlock, Size};
use super::when::Moment;
use super::{Said, Shell, drawing};
use crate::domain::{Deal, DealState, LeaveOutcome, Signup, SignupState};
use crate::web::words::{PHASES, UNITS, number};

/// `GET /signups/{signup}`: "you are buyer 17".
#[derive(Template)]
#[template(path = "buyer/signup.html")]
pub struct SignupPage {
    shell: Shell,
    notice: Option<Said>,
    active: bool,
    over: bool,
    heading: String,
    number: String,
    sentence: String,
    title: String,
    merchant: String,
    units: String,
    joined_at: Moment,
    picture: String,
    deal_href: String,
    url: String,
    coupons_href: Option<&'static str>,
    may_leave: bool,
    leave_action: String,
    progress: ProgressBlock,
}

impl SignupPage {
    /// The page of this signup at this moment.
    #[must_use]
    pub fn new(
        shell: Shell,
        deal: &Deal,
        signup: &Signup,
        notice: Option<Said>,
        origin: &str,
        now: DateTime<Utc>,
    ) -> Self {
        let progress = ProgressBlock::new(deal, now, Size::Full);
        let active = signup.state == SignupState::Active;
        let state = deal.progress.state;
        let deal_href = format!("/deals/{}", deal.id);
        Self {
            shell,
            notice,
            active,
            over: state.is_final(),
            heading: if active { format!("You are buyer {}", number(signup.number)) } else { "You left".to_owned() },
            number: number(signup.number),
            sentence: sentence(deal, progress.phase, signup.units),
            title: deal.terms.title.clone(),
            merchant: deal.merchant_name.clone(),
            units: UNITS.say(signup.units, &[]),
            joined_at: Moment::new(signup.joined_at, deal.terms.time_zone),
            picture: drawing::address(deal),
            url: format!("{origin}{deal_href}"),
            deal_href,
            coupons_href: (active && matches!(state, DealState::Tipped | DealState::Succeeded))
                .then_some("/my/coupons"),
            may_leave: active && state == DealState::Open && progress.phase != Phase::Closing,
            leave_action: format!("/signups/{}/leave", signup.id),
            progress,
        }
    }
}

fn sentence(deal: &Deal, phase: Phase, units: u32) -> String {
    match phase {
        Phase::On | Phase::SoldOut | Phase::Happened if units == 1 => {
            "The deal is on, and you get your coupon.".to_owned()
        }
        Phase::On | Phase::SoldOut | Phase::Happened => "The deal is on, and you get your coupons.".to_owned(),
        Phase::Failed => "Too few joined in time, so the deal is off. You pay nothing.".to_owned(),
        Phase::Withdrawn => "The deal was taken down.".to_owned(),
        Phase::Closing => "Time is up. The result comes in a moment.".to_owned(),
        Phase::Draft | Phase::Scheduled | Phase::Open | Phase::Almost => {
            let needed = PHASES.open.headline.say(deal.progress.needed(), &[]);
            format!("{needed}: tell somebody who would like it too.")
        }
    }
}

/// What leaving came to, where it did not work. None: it worked.
#[must_use]
pub fn not_left(outcome: LeaveOutcome) -> Option<Said> {
    match outcome {
        LeaveOutcome::Left | LeaveOutcome::NoSuchSignup => None,
        LeaveOutcome::AlreadyTipped => {
            Some(Said::problem("The deal is on by now", "Leaving was possible until enough buyers had joined."))
        }
        LeaveOutcome::Closed => Some(Said::problem("This deal is over", "There is nothing left to leave.")),
        LeaveOutcome::Pending => Some(Said::tension(
            "You are still joining",
            "Try again when your place has been recorded, in a few seconds.",
        )),
        LeaveOutcome::Busy { retry_after_s } => Some(super::join::busy(retry_after_s)),
        LeaveOutcome::Broken => Some(Said::problem("That did not work", "Something broke on our side. Try again.")),
    }
}

/// A join that is still being recorded, or of which nothing is known.
#[derive(Template)]
#[template(path = "buyer/pending.html")]
pub struct PendingPage {
    /// Its surroundings.
    pub shell: Shell,
    /// Whether it is still on its way.
    pub waiting: bool,
    /// After how many seconds the page looks again.
    pub refresh_s: u32,
    /// The deal's title.
    pub title: String,
    /// The deal's address.
    pub deal_href: String,
    /// What sends the same join once more.
    pub again: Again,
}

/// The same join once more.
pub struct Again {
    /// Where to.
    pub action: String,
    /// Its key.
    pub key: String,
    /// Its units.
    pub units: u32,
}
