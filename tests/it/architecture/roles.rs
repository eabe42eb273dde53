//! The roles of files in slices. A slice is a folder for one capability; the name of a file says what it may do.

use super::{files, read, without_comments};

/// The slices.
pub const SLICES: [&str; 2] = ["notices", "people"];

/// The purpose of a file in a slice, by the name of the file or of its folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// `rules.rs`: what can be decided without I/O, the clock or random numbers.
    Rules,
    /// `store.rs`: the SQL.
    Store,
    /// `api.rs`: the JSON API.
    Api,
    /// `pages.rs`: the handlers of pages.
    Pages,
    /// `views.rs`: what the templates of pages show.
    Views,
}

/// The role of a file; `None` if it is outside of every slice, or has no role in its slice.
pub fn role_of(path: &str) -> Option<Role> {
    let inside = path.strip_prefix("src/")?;
    SLICES.iter().find(|slice| inside.split('/').next() == Some(slice))?;
    inside.split('/').find_map(|part| match part.trim_end_matches(".rs") {
        "rules" | "rules_tests" => Some(Role::Rules),
        "store" => Some(Role::Store),
        "api" => Some(Role::Api),
        "pages" => Some(Role::Pages),
        "views" => Some(Role::Views),
        _ => None,
    })
}

/// Names that only files with one of these roles may use.
const ONLY_IN: [(&str, &[Role]); 3] =
    [("sqlx::", &[Role::Store]), ("actix_web::", &[Role::Api, Role::Pages]), ("askama::", &[Role::Views])];

/// Names that pure code does not use.
const IMPURE: [&str; 19] = [
    "async ",
    ".await",
    "tokio",
    "sqlx",
    "store::",
    "Auth",
    "::generate(",
    "Instant",
    "new_v4",
    "crate::config",
    "crate::clock",
    "std::fs",
    "std::net",
    "std::io",
    "std::env",
    "SystemTime",
    "Utc::now",
    "now_v7",
    "rand::",
];

/// What a file of a slice does that its role forbids.
fn violations(path: &str, rust: &str) -> Vec<String> {
    let role = role_of(path);
    let misplaced = ONLY_IN
        .into_iter()
        .filter(|(name, roles)| rust.contains(name) && !role.is_some_and(|role| roles.contains(&role)))
        .map(|(name, _)| format!("{path} uses {name}"));
    let impure = IMPURE.into_iter().filter(|name| role == Some(Role::Rules) && rust.contains(name));
    misplaced.chain(impure.map(|name| format!("{path} is pure and uses {name}"))).collect()
}

/// The files and folders that a slice's `mod.rs` makes visible as a whole.
fn visible_modules(module: &str) -> Vec<&str> {
    let hides_nothing = |line: &&str| {
        let is_module = line.contains("mod ") && line.ends_with(';');
        let is_whole = line.contains("::*") || ["store;", "rules;", "views;"].iter().any(|end| line.ends_with(end));
        line.starts_with("pub") && (is_module || is_whole)
    };
    module.lines().map(str::trim).filter(hides_nothing).collect()
}

#[test]
fn files_of_slices_keep_to_their_roles() {
    let all = SLICES.iter().flat_map(|slice| files(&format!("src/{slice}"), &["rs"]));
    let found: Vec<_> = all.flat_map(|(path, rust)| violations(&path, &without_comments(&rust))).collect();
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn no_slice_exports_a_whole_module() {
    for slice in SLICES {
        let mod_rs = read(&format!("src/{slice}/mod.rs"));
        assert_eq!(visible_modules(&mod_rs), [""; 0], "src/{slice}/mod.rs");
    }
}

#[test]
fn a_file_that_violates_its_role_is_found() {
    let cases = [
        ("src/people/tokens/api/create.rs", "sqlx::query!(\"SELECT 1\")"),
        ("src/people/accounts/mod.rs", "use sqlx::PgPool;"),
        ("src/notices/mail.rs", "use askama::Template;"),
        ("src/people/tokens/store.rs", "use actix_web::HttpResponse;"),
        ("src/people/sessions/views.rs", "use actix_web::HttpRequest;"),
        ("src/people/sessions/pages/sign_in.rs", "use askama::Template;"),
        ("src/people/accounts/rules.rs", "pub async fn sign_up() {}"),
        ("src/people/accounts/rules.rs", "use crate::store::Store;"),
        ("src/people/accounts/rules.rs", "let now = Utc::now();"),
    ];
    for (path, rust) in cases {
        assert_eq!(violations(path, rust).len(), 1, "{path}: {rust}");
    }
    let mod_rs =
        "mod accounts;\npub mod tokens;\npub(crate) mod api {\n}\n  pub use x::store;\npub use y::*;\npub use z::Auth;";
    assert_eq!(visible_modules(mod_rs), ["pub mod tokens;", "pub use x::store;", "pub use y::*;"]);
}

#[test]
fn the_domain_is_pure() {
    for (path, rust) in files("src/domain", &["rs"]) {
        let rust = without_comments(&rust);
        // The tests of the domain need ids.
        for impure in IMPURE.into_iter().filter(|name| *name != "::generate(") {
            assert!(!rust.contains(impure), "{path} is pure and uses {impure}");
        }
    }
}

/// `impl Store` would otherwise hide SQL anywhere.
#[test]
fn sql_and_redis_commands_stay_in_their_files() {
    let may_query = |path: &str| {
        path.starts_with("src/store/")
            || path.starts_with("src/engine/audit/postgres/")
            || role_of(path) == Some(Role::Store)
    };
    let may_command = |path: &str| path.starts_with("src/quota/") || path.starts_with("src/engine/audit/redis/");
    for (path, rust) in files("src", &["rs"]) {
        let rust = without_comments(&rust);
        let queries = rust.contains("impl Store {") || rust.contains(".pool()");
        assert!(!queries || may_query(&path), "{path} extends the store");
        assert!(!rust.contains(".pooled()") || may_command(&path), "{path} uses a connection of the pool");
    }
}
