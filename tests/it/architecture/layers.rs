//! Which module may use which.

use std::collections::{BTreeMap, BTreeSet};

use super::roles::{Role, SLICES, role_of};
use super::{files, read, without_comments, word};

/// The units that each unit may use. A unit is a module, or the part of one that is on another level:
///
/// - `app/shutdown` is below everything, and `app/startup` is above everything but `dev` and the commands.
/// - `people/http`, as with any slice, is its API, pages and views. They use `web`; the rest of the slice is below `web`.
/// - `web/routes` is the table of routes and the OpenAPI document, which name the handlers of slices.
const MAY_NAME: [(&str, &[&str]); 25] = [
    ("domain", &[]),
    ("clock", &[]),
    ("recent", &[]),
    ("failpoint", &[]),
    ("telemetry", &[]),
    ("app/shutdown", &[]),
    ("config", &["domain"]),
    ("store", &["domain", "failpoint"]),
    ("quota", &["domain", "failpoint"]),
    ("engine", &["clock", "domain", "failpoint", "quota", "store"]),
    ("live", &["clock", "config", "domain"]),
    ("people", &["clock", "config", "domain", "recent", "store"]),
    ("notices", &["config", "domain", "failpoint", "store"]),
    ("worker", &["app/shutdown", "config", "engine", "notices", "store"]),
    ("limits", &["clock", "config", "domain", "quota", "recent"]),
    ("app", &["clock", "config", "engine", "limits", "live", "people", "store"]),
    (
        "web",
        &[
            "App",
            "app/shutdown",
            "clock",
            "config",
            "domain",
            "engine",
            "limits",
            "live",
            "people",
            "recent",
            "store",
            "telemetry",
        ],
    ),
    ("people/http", &["App", "domain", "limits", "people", "web"]),
    ("notices/http", &["App", "domain", "limits", "notices", "web"]),
    ("web/routes", &["App", "app/shutdown", "live", "people/http", "web"]),
    (
        "app/startup",
        &[
            "App",
            "app/shutdown",
            "clock",
            "config",
            "domain",
            "engine",
            "limits",
            "live",
            "notices",
            "people",
            "quota",
            "store",
            "web",
            "web/routes",
            "worker",
        ],
    ),
    ("dev", &["app/shutdown", "app/startup", "clock", "config", "domain", "engine", "failpoint", "people", "store"]),
    ("cli", &[]),
    ("lib", &[]),
    ("main", &[]),
];

/// The unit that a file belongs to.
fn unit_of(path: &str) -> String {
    let inside = path.strip_prefix("src/").unwrap();
    let module = inside.split('/').next().unwrap().trim_end_matches(".rs");
    let part = match inside {
        "app/shutdown.rs" => Some("shutdown"),
        "web/routes.rs" => Some("routes"),
        _ if inside.starts_with("app/startup/") => Some("startup"),
        _ if inside.starts_with("web/api/openapi/") => Some("routes"),
        _ if matches!(role_of(path), Some(Role::Api | Role::Pages | Role::Views)) => Some("http"),
        _ => None,
    };
    part.map_or_else(|| module.to_owned(), |part| format!("{module}/{part}"))
}

/// The unit that a path after `crate::` names.
fn unit_named(path: &str) -> String {
    let module = word(path);
    let part = word(path[module.len()..].strip_prefix("::").unwrap_or_default());
    match (module, part) {
        ("app", "shutdown" | "startup") | ("web", "routes") => format!("{module}/{part}"),
        (_, "api" | "pages" | "views") if SLICES.contains(&module) => format!("{module}/http"),
        _ => module.to_owned(),
    }
}

/// The units named after `crate::`, alone or in braces.
fn named_units(rust: &str) -> BTreeSet<String> {
    let mut named = BTreeSet::new();
    for after in rust.split("crate::").skip(1) {
        let Some(list) = after.strip_prefix('{') else {
            named.insert(unit_named(after));
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
                    named.insert(unit_named(&list[place..]));
                    at_start = false;
                }
                _ => {}
            }
        }
    }
    named
}

#[test]
fn modules_use_only_what_is_below_them() {
    let allowed: BTreeMap<&str, &[&str]> = MAY_NAME.into_iter().collect();
    let mut wrong = Vec::new();
    for (path, rust) in files("src", &["rs"]) {
        let unit = unit_of(&path);
        let may_name = allowed.get(&*unit).unwrap_or_else(|| panic!("say in this test what {unit} may use"));
        for named in named_units(&without_comments(&rust)) {
            if named != unit && !may_name.contains(&&*named) && unit != "lib" {
                wrong.push(format!("{path} names {named}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn the_parts_of_a_module_on_different_levels_are_told_apart() {
    let units = [
        ("src/app/mod.rs", "app"),
        ("src/app/startup/http.rs", "app/startup"),
        ("src/app/shutdown.rs", "app/shutdown"),
        ("src/web/routes.rs", "web/routes"),
        ("src/web/request/body.rs", "web"),
        ("src/people/tokens/api/create.rs", "people/http"),
        ("src/people/tokens/store.rs", "people"),
        ("src/clock.rs", "clock"),
    ];
    for (path, unit) in units {
        assert_eq!(unit_of(path), unit, "{path}");
    }
    let rust = "use crate::{App, app::startup::Start, people::pages::{sign_in, sign_up}};\ncrate::people::Auth";
    assert_eq!(Vec::from_iter(named_units(rust)), ["App", "app/startup", "people", "people/http"]);
}

#[test]
fn lib_rs_lists_every_module_after_its_dependencies() {
    let lib = read("src/lib.rs");
    let map: String = lib.lines().filter(|line| line.starts_with("//!")).collect();
    for module in lib.lines().filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';')) {
        assert!(map.contains(&format!("[`{module}`]")), "src/lib.rs does not say what {module} is");
    }
    let place = |module: &str| map.find(&format!("[`{module}`]"));
    for (module, lower) in MAY_NAME
        .iter()
        .filter(|(unit, _)| !unit.contains('/'))
        .flat_map(|(module, all)| all.iter().map(move |lower| (module, lower)))
    {
        if let (Some(place), Some(lower_place)) = (place(module), place(lower)) {
            assert!(lower_place < place, "src/lib.rs has {module} before {lower}, which it uses");
        }
    }
}
