//! The structure of the code: which module may use which, and how long a file may be.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// The modules that each module may use. `domain`, `clock` and `shutdown` may be used by all.
const MAY_NAME: [(&str, &[&str]); 20] = [
    ("domain", &[]),
    ("clock", &[]),
    ("recent", &[]),
    ("shutdown", &[]),
    ("telemetry", &[]),
    ("config", &["domain"]),
    ("client_log", &["clock", "domain"]),
    ("store", &["domain", "failpoint"]),
    ("quota", &["domain", "failpoint"]),
    ("engine", &["client_log", "clock", "domain", "failpoint", "store", "quota"]),
    ("worker", &["config", "domain", "engine", "failpoint", "store", "shutdown"]),
    ("live", &["clock", "config", "domain"]),
    ("auth", &["clock", "config", "domain", "store", "recent"]),
    ("limits", &["clock", "config", "domain", "quota", "recent"]),
    ("app", &["auth", "clock", "config", "engine", "store", "limits", "live"]),
    (
        "web",
        &[
            "App",
            "app",
            "auth",
            "clock",
            "config",
            "domain",
            "engine",
            "store",
            "limits",
            "live",
            "recent",
            "shutdown",
            "telemetry",
        ],
    ),
    (
        "startup",
        &[
            "app", "auth", "clock", "config", "domain", "engine", "store", "limits", "live", "quota", "shutdown",
            "web", "worker",
        ],
    ),
    (
        "dev",
        &["auth", "client_log", "clock", "config", "domain", "engine", "failpoint", "store", "shutdown", "startup"],
    ),
    ("cli", &[]),
    ("failpoint", &[]),
];

/// The only places that may name a library.
const AT_HOME: [(&str, &[&str]); 5] = [
    // `muster chaos` causes faults below `store` and `quota`.
    ("sqlx", &["src/store/", "src/dev/chaos/"]),
    // `dev/servers` and `config` have modules of this name.
    ("redis", &["src/quota/", "src/config/", "src/dev/servers/", "src/dev/chaos/"]),
    ("deadpool_redis", &["src/quota/"]),
    ("actix_web_actors", &["src/live/socket.rs"]),
    ("actix_web", &["src/web/", "src/live/", "src/startup/http.rs", "src/cli/"]),
];

const LONGEST_FILE: usize = 400;

pub fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// The path from the root and the text of every file below a folder with one of these extensions.
pub fn files(below: &str, endings: &[&str]) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(below)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten().map(|entry| entry.unwrap().path()) {
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

fn without_comments(rust: &str) -> String {
    rust.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

pub fn word(text: &str) -> &str {
    text.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or_default()
}

/// The modules named after `crate::`, alone or in braces.
fn named_modules(rust: &str) -> BTreeSet<String> {
    let mut named = BTreeSet::new();
    for after in rust.split("crate::").skip(1) {
        let Some(list) = after.strip_prefix('{') else {
            named.insert(word(after).to_owned());
            continue;
        };
        let (mut depth, mut at_start) = (0, true);
        for (place, c) in list.char_indices() {
            match c {
                '{' => depth += 1,
                '}' if depth == 0 => break,
                '}' => depth -= 1,
                ',' if depth == 0 => at_start = true,
                c if at_start && !c.is_whitespace() => {
                    named.insert(word(&list[place..]).to_owned());
                    at_start = false;
                }
                _ => {}
            }
        }
    }
    named
}

fn module_of(path: &str) -> &str {
    let inside = path.strip_prefix("src/").unwrap();
    inside.split('/').next().unwrap().trim_end_matches(".rs")
}

#[test]
fn modules_depend_only_on_modules_below_them() {
    let allowed: BTreeMap<&str, &[&str]> = MAY_NAME.into_iter().collect();
    let mut wrong = Vec::new();
    for (path, rust) in files("src", &["rs"]) {
        let module = module_of(&path);
        if module == "lib" || module == "main" {
            continue;
        }
        let may_name = allowed.get(module).unwrap_or_else(|| panic!("list in this test what {module} may use"));
        for named in named_modules(&without_comments(&rust)) {
            if named != module && !may_name.contains(&named.as_str()) {
                wrong.push(format!("{path} names {named}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
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
            if is_named && !homes.iter().any(|home| path.starts_with(home)) {
                wrong.push(format!("{path} names {library}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn the_domain_is_pure() {
    for (path, rust) in files("src/domain", &["rs"]) {
        let rust = without_comments(&rust);
        for impure in [
            "async ",
            ".await",
            "tokio",
            "std::fs",
            "std::net",
            "std::io",
            "std::env",
            "Utc::now",
            "SystemTime",
            "now_v7",
            "rand::",
        ] {
            assert!(!rust.contains(impure), "{path} has {impure}");
        }
    }
}

#[test]
fn lib_rs_lists_every_module_after_its_dependencies() {
    let lib = read("src/lib.rs");
    let map: String = lib.lines().filter(|line| line.starts_with("//!")).collect();
    for module in lib.lines().filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';')) {
        assert!(map.contains(&format!("[`{module}`]")), "src/lib.rs does not say what {module} is");
    }
    let place = |module: &str| map.find(&format!("[`{module}`]"));
    for (module, lower) in MAY_NAME.iter().flat_map(|(module, all)| all.iter().map(move |lower| (module, lower))) {
        if let (Some(place), Some(lower_place)) = (place(module), place(lower)) {
            assert!(lower_place < place, "src/lib.rs has {module} before {lower}, which it uses");
        }
    }
}

#[test]
fn no_source_file_exceeds_400_lines() {
    let endings = ["rs", "lua", "sql", "js", "css", "html", "sh"];
    for below in ["src", "tests", "lua", "migrations", "sql", "load-tests", "deploy", "benches"] {
        for (path, text) in files(below, &endings) {
            let length = text.lines().count();
            assert!(length <= LONGEST_FILE || path.contains("/vendor/"), "{path} has {length} lines: split it");
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
            let is_read = code.contains(&format!(".{field}")) || THROUGH_METHODS.contains(&key);
            assert!(is_read, "{path}: nothing reads {key}");
        }
    }
}

#[test]
fn every_script_is_compiled_in_and_has_tests() {
    let scripts = read("src/quota/scripts.rs");
    for (path, _) in files("lua", &["lua"]) {
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
