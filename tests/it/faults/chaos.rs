//! `muster chaos` with a short selection of faults.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use muster::dev::servers::{Options, Servers};

use crate::support::fault::wait_until;
use crate::support::processes::with_death_signal;
use crate::support::rng::seed_or;

fn chaos(arguments: &[&str]) -> Command {
    let mut command = with_death_signal(env!("CARGO_BIN_EXE_muster"), "KILL");
    command.arg("chaos").args(arguments);
    command
}

/// A folder that the user of the servers can enter, too.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir_in("/tmp").unwrap();
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    folder
}

/// Runs `muster chaos` and returns its table.
async fn run(arguments: &[&str]) -> String {
    let mut command = chaos(arguments);
    let Output { status, stdout, stderr } =
        tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    let table = String::from_utf8(stdout).unwrap();
    assert!(status.success(), "{table}\n{}", String::from_utf8_lossy(&stderr));
    table
}

/// The number before this word in the last line of the table.
fn total(table: &str, of: &str) -> u64 {
    let words =
        table.lines().rfind(|line| line.contains(" faults of ")).unwrap_or_else(|| panic!("no total in {table}"));
    let before = words.split(&format!(" {of}")).next().unwrap();
    before.rsplit([' ', ':']).find_map(|word| word.parse().ok()).unwrap()
}

#[tokio::test]
async fn twelve_faults_lose_oversell_and_duplicate_nothing() {
    let kinds = [
        "node: dies at stmt_sent",
        "node: dies at stmt_replied",
        "node: dies at after_admit",
        "node: dies at mid_coupon_chunk",
        "node: rolling restart",
        "node: kill -9",
        "redis: restart, older copy",
        "redis: restart, empty",
        "redis: out of memory",
        "postgres: kill -9",
        "node-postgres: cut on COMMIT",
        "clients-node: clients reset",
    ];
    let seed = seed_or(7).to_string();
    let mut arguments = vec!["--faults", "12", "--faults-per-round", "6", "--seed", &seed];
    arguments.extend(kinds.iter().flat_map(|kind| ["--only", kind]));
    let table = run(&arguments).await;
    assert_eq!(total(&table, "faults of"), 12, "{table}");
    for bad in ["lost", "oversold", "doubled", "findings"] {
        assert_eq!(total(&table, bad), 0, "{table}");
    }
    assert!(total(&table, "acknowledged") > 500, "too few joins to prove anything: {table}");
    for kind in kinds {
        assert!(table.lines().any(|line| line.trim_start().starts_with(kind)), "{kind} is not in {table}");
    }
}

#[tokio::test]
async fn kill_9_of_chaos_leaves_no_process_not_even_a_stopped_one() {
    let folder = folder();
    let mut command = chaos(&["--faults", "1", "--only", "postgres: stands still", "--folder"]);
    command.arg(folder.path()).stdout(Stdio::null());
    let mut running = command.spawn().unwrap();
    let is_stopped = || processes_in(folder.path()).iter().any(|(_, state)| state == "T");
    wait_until("Postgres is paused", async || is_stopped()).await;
    running.kill().unwrap();
    running.wait().unwrap();
    wait_until("every process has exited", async || processes_in(folder.path()).is_empty()).await;
    // Its data can be used immediately.
    let servers = Servers::start(Options::persistent(folder.path().join("servers"))).await.unwrap();
    servers.stop().await;
}

/// Processes that have this folder in their arguments or as working directory, and their states.
fn processes_in(folder: &Path) -> Vec<(u32, String)> {
    let folder = folder.display().to_string();
    let entries = std::fs::read_dir("/proc").unwrap().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let of_folder = pids.filter(|pid| {
        let is_in_folder = std::fs::read_link(format!("/proc/{pid}/cwd")).is_ok_and(|path| path.starts_with(&folder));
        is_in_folder || std::fs::read_to_string(format!("/proc/{pid}/cmdline")).is_ok_and(|line| line.contains(&folder))
    });
    let with_state = of_folder.filter_map(|pid| {
        let status = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        let state = status.rsplit_once(") ")?.1.split(' ').next()?.to_owned();
        (state != "Z").then_some((pid, state))
    });
    with_state.collect()
}

#[test]
fn an_unknown_fault_is_named_in_the_error() {
    let output = chaos(&["--only", "moon: eclipse"]).output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success() && stderr.contains("moon: eclipse") && stderr.contains("--list"), "{stderr}");
}
