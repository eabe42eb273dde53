//! The logs of clients, grouped by deal.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::{Path, PathBuf};

use super::{Call, Frame, Line, LogError, Mark, Reply, Version};
use crate::domain::{AccountId, DealId, IdempotencyKey, SignupId};

/// A 201 as a client received it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Joined {
    pub(super) deal: DealId,
    pub(super) buyer: AccountId,
    pub(super) id: SignupId,
    pub(super) units: u32,
    pub(super) number: u32,
}

/// The clients' records of one deal.
#[derive(Default)]
pub(super) struct DealLogged {
    pub(super) attempted: HashSet<SignupId>,
    /// The clients made no signup up to this version. `None`: they may have made signups from the start.
    pub(super) from: Option<Version>,
    /// The clients made no signup after this version. `None`: some client has not logged its end.
    pub(super) to: Option<Version>,
    /// The last frame of each socket that was still open at the end of its log.
    pub(super) last_frames: Vec<Frame>,
}

/// The clients' records, by deal.
#[derive(Default)]
pub(in crate::engine::audit) struct Logged {
    pub(super) joined: Vec<Joined>,
    pub(super) deals: BTreeMap<DealId, DealLogged>,
    pub(super) frames: u64,
    /// Faults found in the frames alone: the deal, what was expected, and what was received.
    pub(super) wrong_frames: Vec<(DealId, String, String)>,
}

/// For each deal of a file, the versions at which the file's clients began and ended.
type Marks = BTreeMap<DealId, (Option<Version>, Option<Version>)>;

/// The state of reading one file.
#[derive(Default)]
struct File {
    /// Joins that are not answered yet, by call number.
    joining: HashMap<u64, (DealId, AccountId)>,
    last: HashMap<(u64, DealId), Frame>,
    closed: HashSet<u64>,
    marks: Marks,
}

impl Logged {
    /// Reads logs. With `only`, reads only the lines about that deal.
    pub(in crate::engine::audit) fn read(paths: &[PathBuf], only: Option<DealId>) -> Result<Self, LogError> {
        let mut logged = Self::default();
        let mut marks = Vec::new();
        for path in paths {
            marks.push(logged.read_file(path, only)?);
        }
        for (deal, seen) in &mut logged.deals {
            let of_deal: Vec<_> = marks.iter().filter_map(|file| file.get(deal)).collect();
            seen.from = of_deal.iter().map(|(from, _)| *from).min().flatten();
            let all_done = !of_deal.is_empty() && of_deal.iter().all(|(_, to)| to.is_some());
            seen.to = of_deal.iter().filter_map(|(_, to)| *to).max().filter(|_| all_done);
        }
        Ok(logged)
    }

    fn read_file(&mut self, path: &Path, only: Option<DealId>) -> Result<Marks, LogError> {
        let mut file = File::default();
        for (at, line) in super::read(path)?.enumerate() {
            match line?.line {
                Line::Call { n, call: Call::Join { deal, buyer, key, .. } } if wanted(only, deal) => {
                    self.joins(&mut file, n, deal, buyer, &key);
                }
                Line::Reply { n, reply } => self.answered(&mut file, n, &reply).map_err(|why| {
                    let path = path.display().to_string();
                    LogError::Line { path, number: at + 1, why: why.to_owned() }
                })?,
                Line::Frame { socket, frame } if wanted(only, frame.deal) => self.frame(&mut file, socket, frame),
                Line::Closed { socket, .. } => drop(file.closed.insert(socket)),
                Line::Mark(Mark { deal, from, to }) if wanted(only, deal) => {
                    let mark = file.marks.entry(deal).or_default();
                    *mark = (from.or(mark.0), to.or(mark.1));
                }
                _ => {}
            }
        }
        for ((socket, deal), frame) in file.last {
            if !file.closed.contains(&socket) {
                self.deals.entry(deal).or_default().last_frames.push(frame);
            }
        }
        Ok(file.marks)
    }

    fn joins(&mut self, file: &mut File, n: u64, deal: DealId, buyer: AccountId, key: &str) {
        file.marks.entry(deal).or_default();
        // A join with an invalid key was refused, so it created no signup.
        if let Ok(key) = IdempotencyKey::parse(key) {
            self.deals.entry(deal).or_default().attempted.insert(SignupId::derive(deal, buyer, &key));
        }
        file.joining.insert(n, (deal, buyer));
    }

    fn answered(&mut self, file: &mut File, n: u64, reply: &Reply) -> Result<(), &'static str> {
        let Some((deal, buyer)) = file.joining.remove(&n) else { return Ok(()) };
        if reply.status == Some(201) {
            let (Some(id), Some(units), Some(number)) = (reply.id, reply.units, reply.number) else {
                return Err("a 201 to a join has id, units and number");
            };
            self.joined.push(Joined { deal, buyer, id, units, number });
        }
        Ok(())
    }

    fn frame(&mut self, file: &mut File, socket: u64, frame: Frame) {
        self.frames += 1;
        file.marks.entry(frame.deal).or_default();
        let figures = &frame.figures;
        if figures.cap.is_some_and(|cap| figures.units > cap) {
            let found = format!("{} in a frame of {}", figures.units, frame.version());
            self.wrong_frames.push((frame.deal, format!("at most {} units", figures.cap.unwrap_or_default()), found));
        }
        let before = file.last.insert((socket, frame.deal), frame);
        if let Some(before) = before.filter(|before| before.version() > frame.version()) {
            let expected = format!("at least {} on socket {socket}", before.version());
            self.wrong_frames.push((frame.deal, expected, format!("a frame of {}", frame.version())));
        }
    }
}

fn wanted(only: Option<DealId>, deal: DealId) -> bool {
    only.is_none_or(|only| only == deal)
}
