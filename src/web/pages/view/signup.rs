//! The pages of a signup: recorded, or still pending.

use askama::Template;
use chrono::{DateTime, Utc};

use super::drawing;
use super::phase::Phase;
use super::progress::{ProgressBlock, Size};
use crate::domain::{Deal, LeaveOutcome, Signup, SignupState};
use crate::web::page::time::Moment;
use crate::web::page::{Layout, Notice};
use crate::web::words::{PHASES, UNITS, number};

/// `GET /signups/{signup}`, for a recorded signup: "you are buyer 17".
#[derive(Template)]
#[template(path = "buyer/signup.html")]
pub struct SignupPage {
    layout: Layout,
    notice: Option<Notice>,
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
    /// The page of this signup at the time `now`.
    #[must_use]
    pub fn new(
        layout: Layout,
        deal: &Deal,
        signup: &Signup,
        notice: Option<Notice>,
        origin: &str,
        now: DateTime<Utc>,
    ) -> Self {
        let progress = ProgressBlock::new(deal, now, Size::Full);
        let active = signup.state == SignupState::Active;
        let state = deal.progress.state;
        let deal_href = format!("/deals/{}", deal.id);
        Self {
            layout,
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
            picture: drawing::picture_url(deal),
            url: format!("{origin}{deal_href}"),
            deal_href,
            coupons_href: (active && state.issues_coupons()).then_some("/my/coupons"),
            may_leave: active && state.lets_buyers_leave() && progress.phase != Phase::Closing,
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

/// The notice for a failed attempt to leave; `None` if the signup's page needs no notice.
#[must_use]
pub fn leave_failed(outcome: LeaveOutcome) -> Option<Notice> {
    match outcome {
        LeaveOutcome::Left | LeaveOutcome::NoSuchSignup => None,
        LeaveOutcome::AlreadyTipped => {
            Some(Notice::problem("The deal is on by now", "Leaving was possible until enough buyers had joined."))
        }
        LeaveOutcome::Closed => Some(Notice::problem("This deal is over", "There is nothing left to leave.")),
        LeaveOutcome::Pending => Some(Notice::tension(
            "You are still joining",
            "Try again when your place has been recorded, in a few seconds.",
        )),
        LeaveOutcome::Busy { retry_after_s } => Some(super::join::busy(retry_after_s)),
        LeaveOutcome::Broken => Some(Notice::problem("That did not work", "Something broke on our side. Try again.")),
    }
}

/// `GET /signups/{signup}`, for a signup that is being recorded, or that was not found.
#[derive(Template)]
#[template(path = "buyer/pending.html")]
pub struct PendingPage {
    /// The page's layout.
    pub layout: Layout,
    /// Whether the signup is being recorded.
    pub waiting: bool,
    /// How often the page reloads while waiting.
    pub refresh_s: u32,
    /// The deal's title.
    pub title: String,
    /// The URL of the deal's page.
    pub deal_href: String,
    /// The form that repeats the join.
    pub retry: RetryForm,
}

/// A form that repeats a join.
pub struct RetryForm {
    /// The URL that the form is sent to.
    pub action: String,
    /// The idempotency key of the join.
    pub key: String,
    /// The units of the join.
    pub units: u32,
}
