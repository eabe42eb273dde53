//! A minimal model of Muster's promises: two deals, a few buyers, one clock, and nothing is ever lost.

use std::collections::BTreeMap;

use muster::domain::{DealState, LeaveOutcome, Refusal};

use super::steps::{DEALS, Place, Step};

/// A deal's terms. Hours count from half an hour before the start, so nothing opens or closes at a full hour, and the
/// two seconds of slack in Redis make no difference.
#[derive(Clone, Copy, Debug)]
pub struct ModelTerms {
    pub tipping_point: u32,
    pub cap: Option<u32>,
    pub per_buyer_max: u32,
    pub opens: i64,
    pub closes: i64,
}

/// One deal that can sell out and must keep units for the buyers it needs, and one without a cap that opens later.
pub const TERMS: [ModelTerms; DEALS] = [
    ModelTerms { tipping_point: 3, cap: Some(6), per_buyer_max: 3, opens: -1, closes: 12 },
    ModelTerms { tipping_point: 2, cap: None, per_buyer_max: 4, opens: 1, closes: 20 },
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ModelSignup {
    pub units: u32,
    pub number: u32,
    pub has_left: bool,
    pub is_settled: bool,
}

#[derive(Clone, Debug)]
pub struct ModelDeal {
    pub state: DealState,
    /// The number of changes since the deal was published.
    pub changes: i64,
    pub signups: BTreeMap<Place, ModelSignup>,
    has_tipped: bool,
    terms: ModelTerms,
}

/// The expected outcome of the last step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expected {
    Nothing,
    Joined {
        units: u32,
        number: u32,
        has_left: bool,
        replayed: bool,
    },
    /// Any of these. A stranger may be refused for too few units before the per-buyer limit is checked.
    Refused(Vec<Refusal>),
    Left(LeaveOutcome),
    Closed(Vec<usize>),
    /// The number of coupons issued.
    Settled(u64),
    /// Whether the deal is withdrawn afterwards.
    Withdrawn(bool),
}

#[derive(Clone, Debug)]
pub struct Model {
    pub deals: Vec<ModelDeal>,
    pub expected: Expected,
    hour: i64,
}

impl Model {
    pub fn new() -> Self {
        let deal = |terms| ModelDeal {
            state: DealState::Open,
            changes: 0,
            signups: BTreeMap::new(),
            has_tipped: false,
            terms,
        };
        Self { deals: TERMS.map(deal).to_vec(), expected: Expected::Nothing, hour: 0 }
    }

    pub fn apply_step(&mut self, step: &Step) {
        let hour = self.hour;
        self.expected = match *step {
            Step::Join(_, place, units) | Step::Crash(_, _, place, units) => {
                self.deals[place.deal].join(place, units, hour)
            }
            Step::Leave(_, place) => Expected::Left(self.deals[place.deal].leave(place, hour)),
            Step::TimePasses(hours) => {
                self.hour += hours;
                Expected::Nothing
            }
            Step::Close(_) => {
                let ended = self.deals.iter_mut().enumerate().filter_map(|(n, deal)| deal.close(hour).then_some(n));
                Expected::Closed(ended.collect())
            }
            Step::Settle(_) => Expected::Settled(self.deals.iter_mut().map(ModelDeal::settle).sum()),
            Step::Withdraw(_, deal) => Expected::Withdrawn(self.deals[deal].withdraw()),
            Step::Wipe | Step::KeepCopy | Step::RestartFromCopy | Step::PutCopyBack | Step::FlushScripts => {
                Expected::Nothing
            }
        };
    }
}

impl ModelDeal {
    fn active(&self) -> impl Iterator<Item = (&Place, &ModelSignup)> {
        self.signups.iter().filter(|(_, signup)| !signup.has_left)
    }

    fn units_of(&self, buyer: usize) -> u32 {
        self.active().filter(|(place, _)| place.buyer == buyer).map(|(_, signup)| signup.units).sum()
    }

    pub fn units(&self) -> u32 {
        self.active().map(|(_, signup)| signup.units).sum()
    }

    pub fn buyers(&self) -> u32 {
        let mut buyers: Vec<_> = self.active().map(|(place, _)| place.buyer).collect();
        buyers.dedup();
        u32::try_from(buyers.len()).unwrap()
    }

    fn join(&mut self, place: Place, units: u32, hour: i64) -> Expected {
        if let Some(earlier) = self.signups.get(&place) {
            let ModelSignup { number, has_left, .. } = *earlier;
            return if earlier.units == units {
                Expected::Joined { units, number, has_left, replayed: true }
            } else {
                Expected::Refused(vec![Refusal::KeyReused])
            };
        }
        if !self.state.sells() || hour >= self.terms.closes {
            return Expected::Refused(vec![Refusal::Closed]);
        }
        if hour < self.terms.opens {
            return Expected::Refused(vec![Refusal::NotOpen]);
        }
        let was_known = self.signups.keys().any(|other| other.buyer == place.buyer);
        let max = self.terms.per_buyer_max;
        let limit = (self.units_of(place.buyer) + units > max).then_some(Refusal::BuyerLimit { max });
        match (limit, self.no_room(place.buyer, units)) {
            (None, None) => {}
            (Some(limit), Some(no_room)) if !was_known => return Expected::Refused(vec![limit, no_room]),
            (Some(refusal), _) | (None, Some(refusal)) => return Expected::Refused(vec![refusal]),
        }
        let number = self.buyers() + u32::from(self.units_of(place.buyer) == 0);
        self.signups.insert(place, ModelSignup { units, number, has_left: false, is_settled: false });
        self.changes += 1;
        if self.buyers() >= self.terms.tipping_point {
            self.state = DealState::Tipped;
            self.has_tipped = true;
        }
        Expected::Joined { units, number, has_left: false, replayed: false }
    }

    /// An open deal keeps one unit for each buyer that it still needs.
    fn no_room(&self, buyer: usize, units: u32) -> Option<Refusal> {
        let left = self.terms.cap? - self.units();
        let buyers_after = self.buyers() + u32::from(self.units_of(buyer) == 0);
        let kept =
            if self.state == DealState::Open { self.terms.tipping_point.saturating_sub(buyers_after) } else { 0 };
        let available = left.saturating_sub(kept);
        match left {
            0 => Some(Refusal::SoldOut),
            _ if units > available => Some(Refusal::NotEnoughLeft { available }),
            _ => None,
        }
    }

    fn leave(&mut self, place: Place, hour: i64) -> LeaveOutcome {
        let Some(signup) = self.signups.get_mut(&place) else { return LeaveOutcome::NoSuchSignup };
        if signup.has_left {
            return LeaveOutcome::Left;
        }
        match self.state {
            DealState::Tipped | DealState::Succeeded => LeaveOutcome::AlreadyTipped,
            DealState::Open if hour < self.terms.closes => {
                signup.has_left = true;
                self.changes += 1;
                LeaveOutcome::Left
            }
            _ => LeaveOutcome::Closed,
        }
    }

    fn close(&mut self, hour: i64) -> bool {
        let is_due = self.state.sells() && hour >= self.terms.closes;
        if is_due {
            self.state = if self.has_tipped { DealState::Succeeded } else { DealState::Failed };
            self.changes += 1;
        }
        is_due
    }

    fn settle(&mut self) -> u64 {
        let mut issued = 0;
        if self.has_tipped && self.state != DealState::Withdrawn {
            for signup in self.signups.values_mut().filter(|signup| !signup.has_left && !signup.is_settled) {
                signup.is_settled = true;
                issued += u64::from(signup.units);
            }
        }
        issued
    }

    fn withdraw(&mut self) -> bool {
        if self.state.sells() {
            self.state = DealState::Withdrawn;
            self.changes += 1;
        }
        self.state == DealState::Withdrawn
    }
}
