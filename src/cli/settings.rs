//! Arguments that choose the settings.

use std::path::PathBuf;

use anyhow::Context;
use muster::config::{Config, Profile, Sources};
use muster::dev::home::Home;

/// Where settings come from.
#[derive(clap::Args)]
pub struct SettingsArgs {
    /// Read settings from this TOML file; the environment wins over it
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Take a named set of differences from the defaults
    #[arg(long, value_enum)]
    profile: Option<Profile>,
    /// Use the servers of the `muster dev` that is running on this machine
    #[arg(long, conflicts_with_all = ["config", "profile"])]
    dev: bool,
    /// Where that `muster dev` keeps its data, if it was told so
    #[arg(long, value_name = "FOLDER", requires = "dev")]
    data: Option<PathBuf>,
}

impl SettingsArgs {
    /// Reads and checks all settings.
    pub fn load(&self) -> anyhow::Result<Config> {
        let sources = if self.dev {
            let home = Home::at(self.data.clone())?;
            home.sources().context("is `muster dev` running?")?
        } else {
            Sources { file: self.config.clone(), profile: self.profile, ..Sources::of_process() }
        };
        Ok(Config::load(&sources)?)
    }
}
