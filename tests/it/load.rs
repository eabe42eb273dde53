//! The scripts in `load-tests/` match the API: the smoke test runs against a node of this process. Also tests `run.sh`.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use chrono::TimeDelta;
use muster::dev::load::{LoadSpec, prepare};
use tokio::process::Command;

use crate::support::fault::wait_until;
use crate::support::processes::{children, is_running, with_death_signal};
use crate::support::{TestApp, app};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn k6() -> PathBuf {
    let k6 = root().join("target/tools/venv/bin/k6");
    assert!(k6.exists(), "{} is missing: run `make setup`", k6.display());
    k6
}

/// Prepares a deal and buyers, and writes the file that k6 reads.
async fn people(app: &TestApp, folder: &Path) -> PathBuf {
    let spec = LoadSpec {
        buyers: 10,
        deals: 1,
        cap: Some(100),
        tipping_point: 5,
        per_buyer_max: 3,
        open_for: TimeDelta::hours(1),
    };
    let prepared = prepare(&app.engine, &app.store, spec, |_| {}).await.unwrap();
    let people = folder.join("people.json");
    std::fs::write(&people, serde_json::to_vec(&prepared).unwrap()).unwrap();
    people
}

/// `load-tests/run.sh` with this binary, writing its results into this folder.
fn run_sh(name: &str, folder: &Path) -> Command {
    let mut command = Command::from(with_death_signal(root().join("load-tests/run.sh"), "KILL"));
    command.arg(name).env("K6", k6()).env("MUSTER", env!("CARGO_BIN_EXE_muster")).env("OUT", folder);
    command.env("TMPDIR", folder).env("PROFILE", "smoke").env_remove("BASE_URL").env_remove("LOADTEST_FILE");
    command
}

#[tokio::test]
async fn the_smoke_load_test_passes() {
    let app = app().with_workers().start().await;
    let folder = tempfile::tempdir().unwrap();
    let people = people(&app, folder.path()).await;
    let run = Command::from(with_death_signal(k6(), "KILL"))
        .args(["run", "--quiet"])
        .arg("-e")
        .arg(format!("LOADTEST_FILE={}", people.display()))
        .args(["-e", &format!("BASE_URL={}", app.url(""))])
        .args(["-e", &format!("AUDIT_URL=http://{}/audit", app.internal_address)])
        .arg(root().join("load-tests/smoke.js"))
        .env("K6_NO_USAGE_REPORT", "true")
        .kill_on_drop(true)
        .output()
        .await
        .unwrap();
    let output = format!("{}{}", String::from_utf8_lossy(&run.stdout), String::from_utf8_lossy(&run.stderr));
    assert!(run.status.success(), "{output}");
}

#[tokio::test]
async fn a_load_test_whose_port_is_in_use_names_the_address_and_stops() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let run = run_sh("smoke", folder.path()).env("PORT", address.port().to_string()).output().await.unwrap();
    let stderr = String::from_utf8_lossy(&run.stderr);
    assert!(!run.status.success() && stderr.contains(&format!("{address} is taken")), "{stderr}");
    assert_eq!(folder.path().read_dir().unwrap().count(), 0, "no file is left behind");
}

#[tokio::test]
async fn kill_9_of_a_load_test_stops_k6() {
    let app = app().start().await;
    let folder = tempfile::tempdir().unwrap();
    let mut run = run_sh("browse", folder.path())
        .env("LOADTEST_FILE", people(&app, folder.path()).await)
        .env("BASE_URL", app.url(""))
        .env("AUDIT_URL", format!("http://{}/audit", app.internal_address))
        .env("DURATION_S", "600")
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let pid = run.id().unwrap();
    let k6_pid = || children(pid).into_iter().find(|(_, name)| name == "k6").map(|(k6, _)| k6);
    wait_until("k6 runs", async || k6_pid().is_some()).await;
    let k6 = k6_pid().unwrap();
    run.kill().await.unwrap();
    wait_until("k6 has exited", async || !is_running(k6)).await;
}
