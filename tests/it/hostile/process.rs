//! `muster serve` as a process, on the servers of a test.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Stdio};

use crate::support::TestApp;
use crate::support::processes::with_death_signal;

const PAGE_BYTES: usize = 4096;

pub struct Process {
    pub address: SocketAddr,
    child: Child,
}

impl Process {
    /// Starts a node beside the test's own, with the limits of the profile `load`.
    pub fn start(app: &TestApp, settings: &[(&str, &str)]) -> Self {
        let mut serve = with_death_signal(env!("CARGO_BIN_EXE_muster"), "KILL");
        serve.args(["serve", "--profile", "load"]).env("RUST_LOG", "info").stderr(Stdio::piped());
        let keys = format!("1:{}", "5e".repeat(32));
        let own: [(&str, &str); 9] = [
            ("postgres.database_url", app.backend.database_url.as_str()),
            ("redis.url", &app.backend.redis_url),
            ("redis.prefix", &app.backend.name),
            ("security.coupon_keys", &keys),
            ("server.bind", "127.0.0.1:0"),
            ("server.internal_bind", ""),
            ("server.workers", "1"),
            // A machine that is busy with tests is slow.
            ("lanes.queue_wait_max_ms", "30000"),
            ("lanes.reply_after_ms", "60000"),
        ];
        for (path, value) in own.iter().chain(settings) {
            serve.env(format!("MUSTER__{}", path.to_uppercase().replace('.', "__")), value);
        }
        let mut child = serve.spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let serving = lines.by_ref().map(Result::unwrap).find(|line| line.contains(r#""message":"serving""#));
        let serving = serving.unwrap_or_else(|| panic!("the node does not serve: {:?}", child.wait()));
        let serving: serde_json::Value = serde_json::from_str(&serving).unwrap();
        // Something must drain the pipe, or the node would block.
        std::thread::spawn(move || lines.for_each(drop));
        Self { address: serving["address"].as_str().unwrap().parse().unwrap(), child }
    }

    /// The resident memory at this moment.
    pub fn resident_bytes(&self) -> usize {
        let statm = std::fs::read_to_string(format!("/proc/{}/statm", self.child.id())).expect("the node is running");
        let pages = statm.split(' ').nth(1).and_then(|pages| pages.parse::<usize>().ok()).expect("pages");
        pages * PAGE_BYTES
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}
