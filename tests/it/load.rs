//! The scripts of `load-tests/` still fit the API: their smoke runs against a node of this process.

use std::path::Path;

use chrono::TimeDelta;
use muster::dev::load::{LoadSpec, prepare};
use tokio::process::Command;

use crate::support::app;

#[tokio::test]
async fn the_smoke_of_the_load_tests_passes() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let k6 = root.join("target/tools/venv/bin/k6");
    assert!(k6.exists(), "{} is not there: make setup installs it", k6.display());
    let app = app().with_workers().start().await;
    let spec = LoadSpec {
        buyers: 10,
        deals: 1,
        cap: Some(100),
        tipping_point: 5,
        per_buyer_max: 3,
        open_for: TimeDelta::hours(1),
    };
    let prepared = prepare(&app.engine, &app.store, spec, |_| {}).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let people = folder.path().join("people.json");
    std::fs::write(&people, serde_json::to_vec(&prepared).unwrap()).unwrap();

    let run = Command::new(k6)
        .args(["run", "--quiet"])
        .arg("-e")
        .arg(format!("LOADTEST_FILE={}", people.display()))
        .args(["-e", &format!("BASE_URL={}", app.url(""))])
        .args(["-e", &format!("AUDIT_URL=http://{}/audit", app.internal_address)])
        .arg(root.join("load-tests/smoke.js"))
        .env("K6_NO_USAGE_REPORT", "true")
        .kill_on_drop(true)
        .output()
        .await
        .unwrap();
    let told = format!("{}{}", String::from_utf8_lossy(&run.stdout), String::from_utf8_lossy(&run.stderr));
    assert!(run.status.success(), "{told}");
}
