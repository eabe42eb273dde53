//! The structure of the code: which module may name which library, how long a file may be, and that nothing is unused.

mod layers;
mod roles;

use std::fs;
use std::path::{Path, PathBuf};

/// The only places that may name a library.
const AT_HOME: [(&str, &[&str]); 5] = [
    // `roles` checks the files within a slice. `dev::chaos` injects faults below the store.
    ("sqlx", &["src/store/", "src/engine/audit/postgres/", "src/people/", "src/notices/", "src/dev/chaos/"]),
    // `dev::servers::redis` is a module of that name.
    ("redis", &["src/quota/", "src/engine/audit/redis/", "src/dev/servers/", "src/dev/chaos/"]),
    ("deadpool_redis", &["src/quota/", "src/engine/audit/redis/"]),
    ("actix_web_actors", &["src/live/socket.rs"]),
    ("actix_web", &["src/web/", "src/people/", "src/live/", "src/app/startup/http.rs", "src/cli/"]),
];

const LONGEST_FILE: usize = 300;
/// Longer files, each with its reason.
const LONGER: [(&str, &str); 3] = [
    ("migrations/0001_schema.sql", "a migration never changes once it is released"),
    (
        "tests/it/store/migrations_before_squash/0013_one_row_a_join.sql",
        "a migration never changes once it is released",
    ),
    ("src/web/static/app.css", "one file, so that a page needs one request for its styles"),
];

pub fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// The path from the root and the text of every file below a folder with one of these extensions.
pub fn files(below: &str, endings: &[&str]) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(below)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder)
            .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
            .map(|entry| entry.unwrap().path())
        {
            if entry.is_dir() {
                folders.push(entry);
            } else if endings.iter().any(|ending| entry.extension().is_some_and(|is| is == *ending)) {
                let path = entry.strip_prefix(root()).unwrap().display().to_string();
                found.push((path, fs::read_to_string(&entry).unwrap()));
            }
        }
    }
    found.sort();
    found
}

pub fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap()
}

pub fn without_comments(rust: &str) -> String {
    rust.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

pub fn word(text: &str) -> &str {
    text.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or_default()
}

#[test]
fn each_library_is_used_only_in_its_modules() {
    let mut wrong = Vec::new();
    for (path, rust) in files("src", &["rs"]) {
        let rust = without_comments(&rust);
        for (library, homes) in AT_HOME {
            let is_named = rust
                .match_indices(&format!("{library}::"))
                .any(|(place, _)| !rust[..place].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == ':'));
            let is_renamed = rust.contains(&format!("use {library} as")) || rust.contains(&format!("use {library};"));
            if (is_named || is_renamed) && !homes.iter().any(|home| path.starts_with(home)) {
                wrong.push(format!("{path} names {library}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn no_source_file_exceeds_300_lines_without_a_reason() {
    let endings = ["rs", "lua", "sql", "js", "css", "html", "sh"];
    for below in ["src", "tests", "lua", "migrations", "sql", "load-tests", "deploy", "benches"] {
        for (path, text) in files(below, &endings) {
            let length = text.lines().count();
            let is_excused = path.contains("/vendor/") || LONGER.iter().any(|(longer, _reason)| *longer == path);
            assert!(length <= LONGEST_FILE || is_excused, "{path} has {length} lines: split it");
        }
    }
}

#[test]
fn every_setting_is_used() {
    // Other code reads these through a method of the configuration.
    const THROUGH_METHODS: [&str; 2] = ["frames_per_second_max", "fan_out_per_second_max"];
    let code: String = files("src", &["rs"])
        .into_iter()
        .filter(|(path, _)| !path.starts_with("src/config/"))
        .map(|(_, rust)| without_comments(&rust))
        .collect();
    for (path, toml) in files("config", &["toml"]) {
        for key in toml.lines().filter(|line| line.starts_with(|c: char| c.is_ascii_lowercase())) {
            let key = word(key);
            let field = ["_ms", "_s", "_h"].iter().find_map(|unit| key.strip_suffix(unit)).unwrap_or(key);
            let names_field = code
                .match_indices(&format!(".{field}"))
                .any(|(at, text)| !code[at + text.len()..].starts_with(|c: char| c.is_alphanumeric() || c == '_'));
            let is_read = names_field || THROUGH_METHODS.contains(&key);
            assert!(is_read, "{path}: nothing reads {key}");
        }
    }
}

#[test]
fn every_script_is_compiled_in_and_has_tests() {
    let scripts = read("src/quota/scripts.rs");
    let all = files("lua", &["lua"]);
    assert!(all.len() > 5, "lua/ has scripts");
    for (path, _) in all {
        let name = Path::new(&path).file_name().unwrap().to_str().unwrap();
        assert!(scripts.contains(&format!("\"{name}\"")), "{path} is not in src/quota/scripts.rs");
        let tests = path.replace(".lua", ".rs").replace("lua/", "tests/it/lua/");
        assert!(root().join(&tests).exists(), "{path} has no tests in {tests}");
    }
}

#[test]
fn every_failpoint_is_used_once_and_documented() {
    let code: Vec<(String, String)> = files("src", &["rs"])
        .into_iter()
        .filter(|(path, _)| path != "src/failpoint.rs")
        .map(|(path, rust)| (path, without_comments(&rust)))
        .collect();
    let explained = read("docs/faults.md");
    for (step, _) in muster::failpoint::STEPS {
        let named: usize = code.iter().map(|(_, rust)| rust.matches(&format!("\"{step}\"")).count()).sum();
        assert_eq!(named, 1, "{step} is named at {named} places");
        assert!(explained.contains(&format!("`{step}`")), "docs/faults.md does not name {step}");
    }
}
