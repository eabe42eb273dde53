//! Which module may use which.

use std::collections::{BTreeMap, BTreeSet};

use super::roles::{Role, SLICES, role_of};
use super::{files, read, without_comments};

/// The units that each unit may use. A unit is a module, or the part of one that is on another level:
///
/// - `app/shutdown` is below everything, and `app/startup` is above everything but `dev` and the commands.
/// - `people/http`, as with any slice, is its API, pages and views. They use `web`. The rest of the slice is below
///   `web`.
/// - `web/routes` is the table of routes and the OpenAPI document, which name the handlers of slices.
const MAY_NAME: [(&str, &[&str]); 25] = [
    ("domain", &[]),
    ("clock", &[]),
    ("recent", &[]),
    ("failpoint", &[]),
    ("telemetry", &[]),
    ("app/shutdown", &[]),
    ("config", &[]),
    ("store", &["domain", "failpoint"]),
    ("quota", &["domain", "failpoint"]),
    ("engine", &["clock", "domain", "failpoint", "quota", "store"]),
    ("live", &["clock", "config", "domain"]),
    ("people", &["clock", "config", "domain", "recent", "store"]),
    ("notices", &["config", "domain", "failpoint", "store"]),
    ("worker", &["app/shutdown", "config", "engine", "notices", "people", "store"]),
    ("limits", &["clock", "config", "domain", "quota", "recent"]),
    ("app", &["clock", "config", "engine", "limits", "live", "people", "store"]),
    (
        "web",
        &[
            "App",
            "app/shutdown",
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
    (
        "cli",
        &["App", "app/shutdown", "app/startup", "clock", "config", "dev", "domain", "engine", "people", "telemetry"],
    ),
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

/// The unit that a path names, such as `people::tokens::api`.
fn unit_named(path: &str) -> String {
    let parts: Vec<&str> = path.split("::").collect();
    match parts[..] {
        ["app", part @ ("shutdown" | "startup"), ..] | ["web", part @ "routes", ..] => format!("{}/{part}", parts[0]),
        [slice, ..] if SLICES.contains(&slice) && parts.iter().any(|part| ["api", "pages", "views"].contains(part)) => {
            format!("{slice}/http")
        }
        _ => parts[0].to_owned(),
    }
}

/// Collects the paths that `text` begins with: one, or those of a tree in braces, such as `a::{b, c::{d, e}}`.
/// Returns the length of what was read.
fn expand(prefix: &str, text: &str, found: &mut Vec<String>) -> usize {
    let end = text.find(|c: char| !c.is_alphanumeric() && c != '_' && c != ':').unwrap_or(text.len());
    let path = format!("{prefix}{}", &text[..end]);
    if !text[end..].starts_with('{') {
        found.push(path.trim_end_matches(':').to_owned());
        return end;
    }
    let mut at = end + 1;
    loop {
        at += text[at..].find(|c: char| !c.is_whitespace() && c != ',').unwrap();
        if text[at..].starts_with('}') {
            return at + 1;
        }
        let length = expand(&path, &text[at..], found);
        // Skip a glob, or anything else that is not a path.
        at += length.max(1);
    }
}

/// The units named after `crate::`.
fn named_units(rust: &str) -> BTreeSet<String> {
    let mut found = Vec::new();
    for (at, root) in rust.match_indices("crate::") {
        expand("", &rust[at + root.len()..], &mut found);
    }
    found.iter().filter(|path| !path.is_empty()).map(|path| unit_named(path)).collect()
}

#[test]
fn modules_use_only_what_is_below_them_and_every_permission_is_used() {
    let allowed: BTreeMap<&str, &[&str]> = MAY_NAME.into_iter().collect();
    let (mut wrong, mut used) = (Vec::new(), BTreeSet::new());
    for (path, rust) in files("src", &["rs"]) {
        let unit = unit_of(&path);
        let may_name = allowed.get(&*unit).unwrap_or_else(|| panic!("say in this test what {unit} may use"));
        let rust = without_comments(&rust);
        // The commands are another crate.
        let rust = if unit == "cli" { rust.replace("crate::", "super::").replace("muster::", "crate::") } else { rust };
        for named in named_units(&rust) {
            if named != unit && !may_name.contains(&&*named) && unit != "lib" {
                wrong.push(format!("{path} names {named}"));
            }
            used.insert((unit.clone(), named));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    let unused =
        MAY_NAME.iter().flat_map(|(unit, all)| all.iter().map(|named| ((*unit).to_owned(), (*named).to_owned())));
    let unused: Vec<_> = unused.filter(|edge| !used.contains(edge) && edge.0 != "notices/http").collect();
    assert!(unused.is_empty(), "{unused:#?}");
}

/// `super::` would hide from the test above which module is used.
#[test]
fn no_module_is_reached_by_super() {
    let lib = read("src/lib.rs");
    let modules: Vec<&str> = lib.lines().filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';')).collect();
    let mut wrong = Vec::new();
    for (path, rust) in files("src", &["rs"]) {
        let rust = without_comments(&rust);
        let is_top = path.matches('/').count() == 1 || path.matches('/').count() == 2 && path.ends_with("/mod.rs");
        let reaches = |module: &&str| is_top && rust.contains(&format!("super::{module}::"));
        if rust.contains("super::super::") || modules.iter().any(reaches) {
            wrong.push(path);
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn the_parts_of_a_module_on_different_levels_are_distinguished() {
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
    for (rust, named) in [
        ("use crate::App;", vec!["App"]),
        ("use crate::{App, app::startup::Start};", vec!["App", "app/startup"]),
        ("use crate::people::{pages::sign_in, Auth};", vec!["people", "people/http"]),
        ("use crate::people::accounts::views::SignUpPage;", vec!["people/http"]),
        ("crate::web::routes::public(routes)", vec!["web/routes"]),
        (
            "use crate::{domain::{Deal, ids::*}, web::{\n    paths,\n    routes,\n}};",
            vec!["domain", "web", "web/routes"],
        ),
    ] {
        assert_eq!(Vec::from_iter(named_units(rust)), named, "{rust}");
    }
}

#[test]
fn lib_rs_lists_every_module_after_its_dependencies() {
    let lib = read("src/lib.rs");
    let map: String = lib.lines().filter(|line| line.starts_with("//!")).collect();
    for module in lib.lines().filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';')) {
        assert!(map.contains(&format!("[`{module}`]")), "src/lib.rs does not describe {module}");
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
