//! Arguments that select the sources of the configuration.

use std::path::PathBuf;

use anyhow::Context;
use muster::config::{Config, Profile, Sources};
use muster::dev::home::Home;

/// Arguments shared by all commands that read the configuration.
#[derive(clap::Args)]
pub struct SettingsArgs {
    /// Read settings from this TOML file; environment variables override it
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Apply a set of overrides to the defaults
    #[arg(long, value_enum)]
    profile: Option<Profile>,
    /// Use the servers of the `muster dev` that is running on this machine
    #[arg(long, conflicts_with_all = ["config", "profile"])]
    dev: bool,
    /// Data folder of that `muster dev`, if it was started with --data
    #[arg(long, value_name = "FOLDER", requires = "dev")]
    data: Option<PathBuf>,
}

impl SettingsArgs {
    /// Loads and validates the whole configuration.
    pub fn load(&self) -> anyhow::Result<Config> {
        Ok(Config::load(&self.sources()?)?)
    }

    /// Loads the configuration and validates only these sections, for a command that uses no others.
    pub fn load_sections(&self, sections: &[&str]) -> anyhow::Result<Config> {
        Ok(Config::load_sections(&self.sources()?, sections)?)
    }

    fn sources(&self) -> anyhow::Result<Sources> {
        if self.dev {
            let home = Home::at(self.data.clone())?;
            return home.sources().context("is `muster dev` running?");
        }
        Ok(Sources { file: self.config.clone(), profile: self.profile, ..Sources::of_process() })
    }
}
