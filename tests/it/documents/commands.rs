//! Commands in the documents: make targets, and Muster's commands with their options.

use std::collections::BTreeMap;
use std::process::Command;

use super::documents;
use super::markdown::code;
use crate::architecture::read;

fn is_name(word: &str) -> bool {
    !word.is_empty()
        && word.chars().all(|c| c.is_ascii_lowercase() || c == '-' || c.is_ascii_digit())
        && !word.starts_with('-')
}

#[test]
fn every_make_target_exists() {
    let makefile = read("Makefile");
    let (mut checked, mut wrong) = (0, Vec::new());
    for document in documents() {
        for code in code(&document.text) {
            let words: Vec<&str> = code.split_whitespace().collect();
            for pair in words.windows(2).filter(|pair| pair[0] == "make" && is_name(pair[1])) {
                checked += 1;
                if !makefile.contains(&format!("\n{}:", pair[1])) {
                    wrong.push(format!("{}: make {}", document.path, pair[1]));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(checked > 20, "only {checked} targets were found");
}

/// The `--help` text of each command, fetched once.
#[derive(Default)]
struct Help(BTreeMap<Vec<String>, Option<String>>);

impl Help {
    /// The help of this command, or `None` if there is no such command.
    fn of(&mut self, command: &[String]) -> Option<String> {
        let ask = || {
            let muster = Command::new(env!("CARGO_BIN_EXE_muster")).args(command).arg("--help").output().unwrap();
            muster.status.success().then(|| String::from_utf8(muster.stdout).unwrap())
        };
        self.0.entry(command.to_vec()).or_insert_with(ask).clone()
    }
}

/// The problem with a command line, if any. `words` follow the name of the program.
fn problem_with(words: &[&str], help: &mut Help) -> Option<String> {
    let mut command = Vec::new();
    let mut known = help.of(&command)?;
    let mut words = words.iter().peekable();
    while let Some(word) = words.next_if(|word| known.contains("\nCommands:") && is_name(word)) {
        command.push((*word).to_owned());
        let Some(found) = help.of(&command) else { return Some(format!("no command {}", command.join(" "))) };
        known = found;
    }
    let ours = words.take_while(|word| !["|", "&&", ";", "#"].contains(word));
    let options = ours.filter(|word| word.starts_with("--")).map(|word| word.split('=').next().unwrap());
    let unknown = options.filter(|option| {
        let is_option = |word: &str| word.trim_end_matches([',', '.']) == *option;
        !known.split_whitespace().any(is_option)
    });
    let unknown: Vec<&str> = unknown.collect();
    (!unknown.is_empty()).then(|| format!("{} has no {}", command.join(" "), unknown.join(" ")))
}

#[test]
fn every_muster_command_and_option_exists() {
    let mut help = Help::default();
    let (mut wrong, mut seen) = (Vec::new(), 0);
    for document in documents() {
        for code in code(&document.text) {
            let words: Vec<&str> = code.split_whitespace().collect();
            for (n, _) in words.iter().enumerate().filter(|(_, word)| **word == "muster") {
                seen += 1;
                if let Some(what) = problem_with(&words[n + 1..], &mut help) {
                    wrong.push(format!("{}: muster {what}", document.path));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(seen > 10, "only {seen} commands were found");
}
