//! The table: one figure per row, stored as JSON and written as Markdown.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

/// The limit that a figure must keep.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Target {
    AtLeast(f64),
    AtMost(f64),
}

/// One row of the table.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Figure {
    /// The number of the row.
    pub place: u32,
    pub what: String,
    /// Muster's value, with its unit.
    pub ours: String,
    /// The value that Muster is compared with, with its unit.
    pub theirs: String,
    /// The value that the target applies to, or `None` if there was nothing to compare with.
    pub value: Option<f64>,
    /// The unit of `value`: `×`, `KiB`, `ms`.
    pub unit: String,
    pub target: Target,
    /// What a reader must know about the figure.
    pub note: String,
    /// The time and the command of the measurement.
    #[serde(default)]
    pub measured: String,
}

impl Figure {
    /// Whether the target is met, or `None` if there is no value.
    fn is_met(&self) -> Option<bool> {
        Some(match self.target {
            Target::AtLeast(wanted) => self.value? >= wanted,
            Target::AtMost(wanted) => self.value? <= wanted,
        })
    }

    fn wanted(&self) -> String {
        match self.target {
            Target::AtLeast(wanted) => format!("≥ {wanted} {}", self.unit),
            Target::AtMost(wanted) => format!("≤ {wanted} {}", self.unit),
        }
    }

    fn reached(&self) -> String {
        self.value.map_or_else(|| "no peer here".to_owned(), |value| format!("{value:.2} {}", self.unit))
    }

    /// One line for the terminal.
    pub fn line(&self) -> String {
        let verdict = match self.is_met() {
            Some(true) => "met",
            Some(false) => "NOT MET",
            None => "-",
        };
        format!(
            "{}: {} against {}: {}, wanted {}: {verdict}  {}",
            self.what,
            self.ours,
            self.theirs,
            self.reached(),
            self.wanted(),
            self.note
        )
    }
}

/// The figures of this run and of earlier ones.
pub struct Report {
    folder: PathBuf,
    figures: Vec<Figure>,
}

impl Report {
    /// Opens the report with the figures of earlier runs.
    pub fn open(folder: &Path) -> Result<Self> {
        std::fs::create_dir_all(folder).with_context(|| format!("{} cannot be created", folder.display()))?;
        let before = std::fs::read_to_string(folder.join("table.json")).unwrap_or_default();
        Ok(Self { folder: folder.to_owned(), figures: serde_json::from_str(&before).unwrap_or_default() })
    }

    /// Adds a figure, replacing an older one of the same row.
    pub fn put(&mut self, mut figure: Figure) {
        let date = output("date", &["-u", "+%Y-%m-%d %H:%M UTC"]);
        let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
        figure.measured = format!("{date}, make bench ARGS=\"{}\"", arguments.join(" "));
        self.figures.retain(|other| other.place != figure.place);
        self.figures.push(figure);
        self.figures.sort_by_key(|figure| figure.place);
    }

    /// Writes `table.json` and `table.md`.
    pub fn write(&self) -> Result<()> {
        std::fs::write(self.folder.join("table.json"), serde_json::to_string_pretty(&self.figures)?)?;
        std::fs::write(self.folder.join("table.md"), self.markdown())?;
        Ok(())
    }

    /// The table as Markdown.
    pub fn markdown(&self) -> String {
        let head = "| Figure | Muster | Compared with | Reached | Target | |\n|---|---|---|---|---|---|";
        let rows = self.figures.iter().map(|figure| {
            let verdict = figure.is_met().map_or("", |met| if met { "met" } else { "not met" });
            let note = if figure.note.is_empty() { String::new() } else { format!(" ({})", figure.note) };
            let Figure { what, ours, theirs, .. } = figure;
            format!("| {what}{note} | {ours} | {theirs} | {} | {} | {verdict} |", figure.reached(), figure.wanted())
        });
        let measured = self.figures.iter().map(|figure| format!("- {}: {}", figure.what, figure.measured));
        let (rows, measured): (Vec<_>, Vec<_>) = (rows.collect(), measured.collect());
        format!("On {}.\n\n{head}\n{}\n\nMeasured:\n\n{}\n", machine(), rows.join("\n"), measured.join("\n"))
    }
}

/// The number of cores, the processor and the kernel.
fn machine() -> String {
    let cpuinfo = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpuinfo
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split(": ").nth(1))
        .unwrap_or("an unknown processor");
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    format!("{cores} cores of {model}, {}", output("uname", &["-sr"]))
}

fn output(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output().map(|output| output.stdout).unwrap_or_default();
    String::from_utf8_lossy(&output).trim().to_owned()
}

/// The median of some values.
pub fn median(values: &[f64]) -> f64 {
    percentile(values, 50)
}

/// The value below which this percentage of the values lies.
pub fn percentile(values: &[f64], percent: usize) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let place = (sorted.len() * percent / 100).min(sorted.len().saturating_sub(1));
    sorted.get(place).copied().unwrap_or(f64::NAN)
}

/// The slope of the least-squares line through the values.
pub fn slope(values: &[f64]) -> f64 {
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    let places: Vec<f64> = (0..values.len()).map(|place| place as f64).collect();
    let (at, of) = (mean(&places), mean(values));
    let rise: f64 = places.iter().zip(values).map(|(place, value)| (place - at) * (value - of)).sum();
    rise / places.iter().map(|place| (place - at).powi(2)).sum::<f64>()
}
