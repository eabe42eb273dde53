//! Searches the logs of nodes and Postgres for messages that indicate a bug.

use std::collections::HashMap;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use super::cluster::Cluster;

/// Texts that must never be in a log, with their meaning. They show a crash, or a bug that a last line of defence
/// caught.
const NEVER: [(&str, &str); 6] = [
    ("deadlock detected", "a deadlock in Postgres"),
    ("violates check constraint", "a check constraint caught what the function should have refused"),
    ("panicked at", "a panic"),
    ("a lane's task ended early", "a lane crashed"),
    ("a lane ended before its queue", "a lane crashed"),
    ("unexpected reply from lua/", "an unexpected reply from Redis"),
];

/// The log files, and the offset up to which each has been read.
pub(super) struct Logs {
    read_to: HashMap<PathBuf, u64>,
}

impl Logs {
    pub(super) fn new(folder: &Path, cluster: &Cluster) -> Self {
        let of_nodes = (0..cluster.nodes.len()).map(|number| folder.join(format!("node-{number}.log")));
        let files = of_nodes.chain([cluster.servers.log("postgres")]);
        Self { read_to: files.map(|file| (file, 0)).collect() }
    }

    /// Reads what was written since the last call and returns the matching lines.
    pub(super) fn search(&mut self) -> Vec<String> {
        let mut found = Vec::new();
        for (path, read_to) in &mut self.read_to {
            let text = rest_of(path, read_to).unwrap_or_default();
            for line in text.lines() {
                if let Some((_, meaning)) = NEVER.iter().find(|(words, _)| line.contains(words)) {
                    let name = path.file_name().unwrap_or_default().to_string_lossy();
                    found.push(format!("{meaning}, in {name}: {line}"));
                }
            }
        }
        found
    }
}

fn rest_of(path: &Path, read_to: &mut u64) -> std::io::Result<String> {
    let mut file = std::fs::File::open(path)?;
    file.seek(SeekFrom::Start(*read_to))?;
    let mut bytes = Vec::new();
    *read_to += file.read_to_end(&mut bytes)? as u64;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::NEVER;

    /// Whether a Rust file below this folder, other than this one, contains the text.
    fn is_in_source(folder: &Path, text: &str) -> bool {
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).any(|path| {
            let is_other_file = path.extension().is_some_and(|is| is == "rs") && !path.ends_with("chaos/logs.rs");
            (path.is_dir() && is_in_source(&path, text))
                || (is_other_file && std::fs::read_to_string(&path).unwrap().contains(text))
        })
    }

    #[test]
    fn every_message_of_muster_that_the_search_looks_for_exists() {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        for (text, meaning) in NEVER.iter().filter(|(text, _)| !OF_OTHERS.contains(text)) {
            assert!(is_in_source(&source, text), "no log line has the text {text:?} ({meaning})");
        }
    }

    /// Messages of Postgres and of the standard library.
    const OF_OTHERS: [&str; 3] = ["deadlock detected", "violates check constraint", "panicked at"];
}
