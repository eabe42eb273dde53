//! The data folder of `muster dev`: the servers' data, and a settings file.
//!
//! Other commands, such as `muster audit --dev`, read the settings file to find the running servers.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use data_encoding::HEXLOWER;

use crate::config::{Profile, Sources};

const SETTINGS: &str = "settings.toml";
const COUPON_KEY: &str = "coupon.key";
const COUPON_LOOKUP_KEY: &str = "coupon-lookup.key";

/// The settings that `muster dev` writes: addresses of the servers and the node.
#[derive(Clone, Debug)]
pub struct Settings {
    /// URL of the database.
    pub database_url: String,
    /// URL of Redis.
    pub redis_url: String,
    /// Address of the node's public listener.
    pub bind: SocketAddr,
    /// Address of the node's internal listener.
    pub internal_bind: SocketAddr,
}

/// A data folder of `muster dev`.
#[derive(Clone, Debug)]
pub struct Home {
    folder: PathBuf,
}

impl Home {
    /// This folder, or the default: `$XDG_DATA_HOME/muster`. For root the default is `/var/lib/muster`, because the
    /// servers run as another user, which cannot enter root's home.
    ///
    /// # Errors
    /// No folder is given, and neither `XDG_DATA_HOME` nor `HOME` is set.
    pub fn at(folder: Option<PathBuf>) -> io::Result<Self> {
        let folder = match folder {
            Some(folder) => folder,
            None if is_root()? => PathBuf::from("/var/lib/muster"),
            None => {
                user_data().ok_or_else(|| io::Error::other("neither XDG_DATA_HOME nor HOME is set"))?.join("muster")
            }
        };
        Ok(Self { folder })
    }

    /// The path of the folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The folder that mails are written to.
    #[must_use]
    pub fn mails(&self) -> PathBuf {
        self.folder.join("mail")
    }

    /// Writes the settings file and returns the configuration sources that include it.
    ///
    /// # Errors
    /// The folder is not writable.
    pub fn write(&self, settings: &Settings) -> io::Result<Sources> {
        let Settings { database_url, redis_url, bind, internal_bind } = settings;
        let (key, lookup_key) = (self.secret(COUPON_KEY, "1:")?, self.secret(COUPON_LOOKUP_KEY, "")?);
        let mails = self.mails().display().to_string();
        // A browser cannot open the unspecified address, 0.0.0.0.
        let reached =
            if bind.ip().is_unspecified() { SocketAddr::from((Ipv4Addr::LOCALHOST, bind.port())) } else { *bind };
        let text = format!(
            "# Written by `muster dev` at each start.\n\
             [postgres]\ndatabase_url = {database_url:?}\n\n[redis]\nurl = {redis_url:?}\n\n\
             [server]\nbind = \"{bind}\"\ninternal_bind = \"{internal_bind}\"\nbase_url = \"http://{reached}\"\n\n\
             [live]\nallowed_origins = [\"http://localhost:{port}\"]\n\n\
             [security]\ncoupon_keys = [{key:?}]\ncoupon_lookup_keys = [{lookup_key:?}]\n\n[mail]\nfolder = {mails:?}\n",
            port = bind.port(),
        );
        private_file(&self.folder.join(SETTINGS))?.write_all(text.as_bytes())?;
        self.sources()
    }

    /// The configuration sources with the settings file. They ignore `DATABASE_URL` and `REDIS_URL`, which may point to
    /// the user's own servers.
    ///
    /// # Errors
    /// There is no settings file.
    pub fn sources(&self) -> io::Result<Sources> {
        let file = self.folder.join(SETTINGS);
        if !file.is_file() {
            return Err(io::Error::other(format!("{} does not exist", file.display())));
        }
        let mut sources = Sources { profile: Some(Profile::Dev), file: Some(file), ..Sources::of_process() };
        sources.environment.retain(|(name, _)| !["DATABASE_URL", "REDIS_URL"].contains(&name.as_str()));
        Ok(sources)
    }

    /// A coupon key from the data folder, created at the first start.
    fn secret(&self, file: &str, prefix: &str) -> io::Result<String> {
        let path = self.folder.join(file);
        if !path.exists() {
            let digits = HEXLOWER.encode(&rand::random::<[u8; 32]>());
            private_file(&path)?.write_all(format!("{prefix}{digits}\n").as_bytes())?;
        }
        Ok(std::fs::read_to_string(path)?.trim().to_owned())
    }
}

fn private_file(path: &Path) -> io::Result<std::fs::File> {
    OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(path)
}

fn user_data() -> Option<PathBuf> {
    let set = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    set("XDG_DATA_HOME").or_else(|| Some(set("HOME")?.join(".local/share")))
}

fn is_root() -> io::Result<bool> {
    let output = std::process::Command::new("id").arg("-u").output()?;
    Ok(output.stdout.trim_ascii() == b"0")
}
