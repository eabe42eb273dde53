//! Finds the programs of Postgres and Redis.

use std::path::PathBuf;
use std::process::Command;

use super::error::{MissingProgram, ServersError};

const POSTGRES: MissingProgram = MissingProgram { program: "postgres", apt: "postgresql", brew: "postgresql" };
const REDIS: MissingProgram = MissingProgram { program: "redis-server", apt: "redis-server", brew: "redis" };

/// The Postgres programs that Muster runs. A folder that lacks one of them is skipped.
const POSTGRES_PROGRAMS: [&str; 4] = ["postgres", "initdb", "psql", "createdb"];

/// Where to look for programs.
#[derive(Clone, Debug)]
pub struct Search {
    /// Folders to search for every program, in order.
    pub folders: Vec<PathBuf>,
    /// Folders with one subfolder per version of Postgres, each with a `bin` folder. Searched last, highest version
    /// first.
    pub postgres_versions: Vec<PathBuf>,
}

impl Search {
    /// `PATH`, then the folders in which Debian and Homebrew install servers.
    #[must_use]
    pub fn of_system() -> Self {
        let mut folders: Vec<PathBuf> =
            std::env::var_os("PATH").map(|path| std::env::split_paths(&path).collect()).unwrap_or_default();
        folders.extend(["/opt/homebrew/bin", "/usr/local/bin"].map(PathBuf::from));
        let postgres_versions =
            ["/usr/lib/postgresql", "/opt/homebrew/opt", "/usr/local/opt"].map(PathBuf::from).into();
        Self { folders, postgres_versions }
    }

    pub(super) fn program(&self, name: &str) -> Option<PathBuf> {
        self.folders.iter().map(|folder| folder.join(name)).find(|path| path.is_file())
    }

    fn postgres(&self) -> Option<PostgresPrograms> {
        // A link in PATH may point to a folder that has all programs.
        let of_path = self.program("postgres").and_then(|path| Some(path.canonicalize().ok()?.parent()?.to_owned()));
        let of_pg_config = self.program("pg_config").and_then(|pg_config| {
            let output = Command::new(pg_config).arg("--bindir").output().ok()?;
            Some(PathBuf::from(String::from_utf8(output.stdout).ok()?.trim()))
        });
        of_path.into_iter().chain(of_pg_config).chain(self.versions()).find_map(PostgresPrograms::in_folder)
    }

    /// The `bin` folders of all installed versions, highest first.
    fn versions(&self) -> Vec<PathBuf> {
        let entries = self.postgres_versions.iter().filter_map(|folder| folder.read_dir().ok()).flatten().flatten();
        let mut versions: Vec<(u32, PathBuf)> = entries
            .filter_map(|entry| {
                let name = entry.file_name();
                let name = name.to_str()?;
                let version = name.strip_prefix("postgresql@").unwrap_or(name).parse().ok()?;
                Some((version, entry.path().join("bin")))
            })
            .collect();
        versions.sort();
        versions.into_iter().rev().map(|(_, bin)| bin).collect()
    }
}

/// The servers whose programs are needed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Needs {
    pub(super) postgres: bool,
    pub(super) redis: bool,
}

/// The programs that were found.
#[derive(Debug)]
pub(super) struct Programs {
    pub(super) postgres: Option<PostgresPrograms>,
    pub(super) redis_server: Option<PathBuf>,
    pub(super) setpriv: Option<PathBuf>,
}

impl Programs {
    /// Finds the needed programs. The error names every missing one.
    pub(super) fn find(search: &Search, needs: Needs) -> Result<Self, ServersError> {
        let postgres = needs.postgres.then(|| search.postgres().ok_or(POSTGRES));
        let redis_server = needs
            .redis
            .then(|| search.program("redis-server").or_else(|| search.program("valkey-server")).ok_or(REDIS));
        match (postgres.transpose(), redis_server.transpose()) {
            (Ok(postgres), Ok(redis_server)) => Ok(Self { postgres, redis_server, setpriv: search.program("setpriv") }),
            (postgres, redis_server) => {
                Err(ServersError::Missing([redis_server.err(), postgres.err()].into_iter().flatten().collect()))
            }
        }
    }
}

/// The programs of one version of Postgres.
#[derive(Clone, Debug)]
pub(super) struct PostgresPrograms {
    folder: PathBuf,
    /// The version, such as `15.4`.
    pub(super) version: String,
}

impl PostgresPrograms {
    fn in_folder(folder: PathBuf) -> Option<Self> {
        if !POSTGRES_PROGRAMS.iter().all(|name| folder.join(name).is_file()) {
            return None;
        }
        let output = Command::new(folder.join("postgres")).arg("--version").output().ok()?;
        let printed = String::from_utf8(output.stdout).ok()?;
        // "postgres (PostgreSQL) 15.4 (Debian 15.4-1)"
        let version =
            printed.split_whitespace().find(|word| word.starts_with(|c: char| c.is_ascii_digit()))?.to_owned();
        Some(Self { folder, version })
    }

    pub(super) fn program(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// The major version. Data files are incompatible between major versions.
    pub(super) fn major_version(&self) -> &str {
        self.version.split(|c: char| !c.is_ascii_digit()).next().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn one_error_names_all_missing_programs() {
        let nowhere = Search { folders: Vec::new(), postgres_versions: Vec::new() };
        let error = Programs::find(&nowhere, Needs { postgres: true, redis: true }).unwrap_err().to_string();
        assert!(error.contains("redis-server and postgres not found"), "{error}");
        assert!(error.contains("make setup"), "{error}");
        assert!(error.contains("install redis"), "{error}");
    }

    #[test]
    fn only_needed_programs_are_reported_as_missing() {
        let nowhere = Search { folders: Vec::new(), postgres_versions: Vec::new() };
        let error = Programs::find(&nowhere, Needs { postgres: false, redis: true }).unwrap_err().to_string();
        assert!(!error.contains("postgres"), "{error}");
    }

    #[test]
    fn the_highest_version_comes_first() {
        let root = tempfile::tempdir().unwrap();
        for version in ["9", "17", "16", "postgresql@18", "common"] {
            std::fs::create_dir_all(root.path().join(version).join("bin")).unwrap();
        }
        let search = Search { folders: Vec::new(), postgres_versions: vec![root.path().to_owned()] };
        let relative = |path: &Path| path.strip_prefix(root.path()).unwrap().display().to_string();
        let found: Vec<String> = search.versions().iter().map(|path| relative(path)).collect();
        assert_eq!(found, ["postgresql@18/bin", "17/bin", "16/bin", "9/bin"]);
    }
}
