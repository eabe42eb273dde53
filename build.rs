//! Lists the functions of `sql/functions` for the crate, and rebuilds it when they or the migrations change.
//!
//! `sqlx::migrate!` reads its folder at compile time, without telling Cargo.

use std::env;
use std::fmt::Write;
use std::fs;
use std::io;
use std::path::Path;

const FUNCTIONS: &str = "sql/functions";

fn main() -> io::Result<()> {
    println!("cargo:rerun-if-changed=migrations");
    println!("cargo:rerun-if-changed={FUNCTIONS}");
    let root = env::var("CARGO_MANIFEST_DIR").map_err(io::Error::other)?;
    let out = env::var("OUT_DIR").map_err(io::Error::other)?;
    let mut names: Vec<String> = fs::read_dir(FUNCTIONS)?
        .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
        .collect::<io::Result<_>>()?;
    names.retain(|name| Path::new(name).extension().is_some_and(|ending| ending == "sql"));
    names.sort();
    let mut list = "&[\n".to_owned();
    for name in names {
        let file = Path::new(&root).join(FUNCTIONS).join(&name).display().to_string();
        writeln!(list, "    ({name:?}, include_str!({file:?})),").map_err(io::Error::other)?;
    }
    list.push_str("]\n");
    fs::write(Path::new(&out).join("functions.rs"), list)
}
