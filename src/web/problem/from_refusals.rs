//! Converts refused joins and refused live sockets to problems.

use super::{Code, Extra, Problem};
use crate::domain::{FieldProblem, FieldProblemKind, Refusal};
use crate::live;

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::SoldOut => Self::new(Code::SoldOut),
            Refusal::NotEnoughLeft { available } => Self::new(Code::NotEnoughLeft)
                .detail(match available {
                    0 => "Nothing may be taken now: what is left is for the buyers who are still needed.".to_owned(),
                    n => format!("Ask for at most {n}."),
                })
                .extra(Extra { available: Some(available), ..Extra::default() }),
            Refusal::PlacesHeld => Self::new(Code::PlacesHeld),
            Refusal::BuyerLimit { max } => Self::new(Code::BuyerLimit)
                .detail(format!("One buyer may have at most {max}: all your signups in this deal count together."))
                .extra(Extra { max: Some(max), ..Extra::default() }),
            Refusal::NotOpen => Self::new(Code::NotOpen),
            Refusal::Closed => Self::new(Code::Closed),
            Refusal::OwnDeal => Self::new(Code::OwnDeal),
            Refusal::KeyReused => Self::new(Code::KeyReused).detail(
                "This key named a request for another number of units. Repeat that one unchanged, or send a new key.",
            ),
        }
    }
}

impl From<live::Refusal> for Problem {
    fn from(refusal: live::Refusal) -> Self {
        let problem = match refusal {
            live::Refusal::WrongOrigin => Self::new(Code::WrongOrigin),
            live::Refusal::NoDeal => {
                Self::new(Code::BadQuery).errors(vec![FieldProblem::new("deal", FieldProblemKind::DealRequired)])
            }
            live::Refusal::TooManyDeals { max } => Self::new(Code::BadQuery)
                .errors(vec![FieldProblem::new("deal", FieldProblemKind::TooManyDeals { max })]),
            live::Refusal::AddressFull => Self::new(Code::TooManySockets),
            live::Refusal::AddressTooFast => Self::new(Code::TooManySockets)
                .detail("This address opens live sockets too fast: wait a moment, then connect again."),
            live::Refusal::NodeBusy => Self::new(Code::Busy),
            live::Refusal::Draining => Self::new(Code::Busy).detail("This server is restarting: connect again."),
            live::Refusal::NotAWebSocket => Self::new(Code::UpgradeNeeded),
        };
        match refusal.retry_after_s() {
            Some(seconds) => problem.retry_after(seconds),
            None => problem,
        }
    }
}
