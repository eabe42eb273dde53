//! Merges the sources of the configuration in order of precedence.

use std::path::PathBuf;

use config::builder::DefaultState;
use config::{ConfigBuilder, File, FileFormat, Value};

use super::Config;
use super::problem::ConfigProblems;
use super::tree;

/// The embedded defaults. Each file is one section, named after the file.
const DEFAULTS: [(&str, &str); 9] = [
    ("server", include_str!("../../config/server.toml")),
    ("postgres", include_str!("../../config/postgres.toml")),
    ("lanes", include_str!("../../config/lanes.toml")),
    ("redis", include_str!("../../config/redis.toml")),
    ("live", include_str!("../../config/live.toml")),
    ("limits", include_str!("../../config/limits.toml")),
    ("security", include_str!("../../config/security.toml")),
    ("mail", include_str!("../../config/mail.toml")),
    ("workers", include_str!("../../config/workers.toml")),
];

const ENVIRONMENT_PREFIX: &str = "MUSTER__";

/// A named set of differences from the defaults.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Profile {
    /// Generous rate limits, for `muster dev`
    Dev,
    /// Rate limits out of reach, except that of sign-ins, for load tests
    Load,
}

impl Profile {
    fn toml(self) -> &'static str {
        match self {
            Self::Dev => include_str!("../../config/dev.toml"),
            Self::Load => include_str!("../../config/load.toml"),
        }
    }
}

/// The sources of a configuration. Later fields override earlier ones.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// A profile that overrides some defaults.
    pub profile: Option<Profile>,
    /// A TOML file with the sections as tables.
    pub file: Option<PathBuf>,
    /// Environment variables. Variables that do not belong to Muster are ignored.
    pub environment: Vec<(String, String)>,
    /// Overrides from a test, a benchmark or a fault run, as pairs of key path and value.
    pub overrides: Vec<(String, String)>,
}

impl Sources {
    /// The environment of this process as the only source.
    #[must_use]
    pub fn of_process() -> Self {
        let environment = std::env::vars_os()
            .filter_map(|(key, value)| Some((key.into_string().ok()?, value.into_string().ok()?)))
            .collect();
        Self { environment, ..Self::default() }
    }

    /// Adds an override, which takes precedence over all other sources.
    #[must_use]
    pub fn with(mut self, path: &str, value: impl Into<String>) -> Self {
        self.overrides.push((path.to_owned(), value.into()));
        self
    }

    /// The key paths and values that the environment sets.
    fn set_by_environment(&self) -> impl Iterator<Item = (String, &str)> {
        let well_known = |name: &str| match name {
            "DATABASE_URL" => Some("postgres.database_url".to_owned()),
            "REDIS_URL" => Some("redis.url".to_owned()),
            _ => None,
        };
        let prefixed =
            |name: &str| Some(name.strip_prefix(ENVIRONMENT_PREFIX)?.to_ascii_lowercase().replace("__", "."));
        let urls = self.environment.iter().filter_map(move |(name, value)| Some((well_known(name)?, value.as_str())));
        let rest = self.environment.iter().filter_map(move |(name, value)| Some((prefixed(name)?, value.as_str())));
        urls.chain(rest)
    }
}

/// Whether a section of this name exists.
pub(super) fn is_section(name: &str) -> bool {
    DEFAULTS.iter().any(|(section, _)| *section == name)
}

pub(super) fn read(sources: &Sources, problems: &mut ConfigProblems) -> Option<Config> {
    let defaults = build(defaults(), problems)?;
    let mut builder = self::defaults();
    if let Some(profile) = sources.profile {
        builder = builder.add_source(File::from_str(profile.toml(), FileFormat::Toml));
    }
    if let Some(path) = &sources.file {
        match std::fs::read_to_string(path) {
            Ok(text) => builder = with_file(builder, &path.display().to_string(), &text, problems),
            Err(error) => problems.add(&path.display().to_string(), format!("cannot read the file: {error}")),
        }
    }
    let overrides = sources.overrides.iter().map(|(path, value)| (path.clone(), value.as_str()));
    for (path, text) in sources.set_by_environment().chain(overrides) {
        let set = tree::value_for(&defaults, &path, text)
            .and_then(|value| builder.clone().set_override(&path, value).map_err(|error| error.to_string()));
        match set {
            Ok(with_it) => builder = with_it,
            Err(message) => problems.add(&path, message),
        }
    }
    let mut merged = build(builder, problems)?;
    tree::refuse_unknown(&mut merged, &defaults, "", problems);
    tree::read(merged, &defaults, problems)
}

fn defaults() -> ConfigBuilder<DefaultState> {
    DEFAULTS.iter().fold(config::Config::builder(), |builder, (section, toml)| {
        builder.add_source(File::from_str(&in_section(section, toml), FileFormat::Toml))
    })
}

/// Prefixes the text of a default file with its section header.
fn in_section(section: &str, toml: &str) -> String {
    format!("[{section}]\n{toml}")
}

/// Adds a file if it parses. Otherwise reports the problem, so that the other sources are still checked.
fn with_file(
    builder: ConfigBuilder<DefaultState>,
    name: &str,
    text: &str,
    problems: &mut ConfigProblems,
) -> ConfigBuilder<DefaultState> {
    let source = File::from_str(text, FileFormat::Toml);
    match config::Config::builder().add_source(source.clone()).build() {
        Ok(_) => builder.add_source(source),
        Err(error) => {
            problems.add(name, error.to_string());
            builder
        }
    }
}

fn build(builder: ConfigBuilder<DefaultState>, problems: &mut ConfigProblems) -> Option<Value> {
    match builder.build() {
        Ok(built) => Some(built.cache),
        Err(error) => {
            problems.add("configuration", error.to_string());
            None
        }
    }
}
