//! `muster dev` as a developer runs it.

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use muster::dev::home::Home;
use muster::dev::servers::{Options, Servers};

use crate::support::processes::{children, is_running, with_death_signal};

struct Dev(Child);

impl Drop for Dev {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

/// Starts `muster dev` and returns the address that it prints.
fn start(folder: &Path) -> (Dev, String) {
    let mut child = with_death_signal(env!("CARGO_BIN_EXE_muster"), "KILL")
        .args(["dev", "--data"])
        .arg(folder)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    let address = lines.find_map(|line| Some(line.trim().strip_prefix("Open ")?.to_owned()));
    // `muster dev` keeps printing, and would exit if its output were closed.
    std::thread::spawn(move || lines.for_each(drop));
    (Dev(child), address.expect("`muster dev` prints its address"))
}

#[tokio::test]
async fn muster_dev_is_found_by_other_commands_and_leaves_no_server_after_kill_9() {
    rustls::crypto::ring::default_provider().install_default().ok();
    let folder = tempfile::tempdir_in("/tmp").unwrap();
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    let (mut dev, address) = start(folder.path());

    let home = reqwest::get(&address).await.unwrap();
    assert_eq!(home.status(), 200);
    assert!(home.text().await.unwrap().contains("potter"), "the home page lists a sample deal");
    let sources = Home::at(Some(folder.path().to_owned())).unwrap().sources().unwrap();
    assert!(muster::config::Config::load(&sources).is_ok_and(|config| config.server.base_url.as_str() == address));
    let audit =
        Command::new(env!("CARGO_BIN_EXE_muster")).args(["audit", "--dev", "--data"]).arg(folder.path()).output();
    let audit = audit.unwrap();
    assert!(audit.status.success(), "{}", String::from_utf8_lossy(&audit.stdout));

    let servers = children(dev.0.id());
    for program in ["postgres", "redis-server"] {
        assert!(servers.iter().any(|(_, name)| name == program), "{program} is not among {servers:?}");
    }
    dev.0.kill().unwrap();
    dev.0.wait().unwrap();
    // Right after the kill, the orphaned servers are still exiting. `Servers::start` waits until they have exited, or
    // fails.
    let new_servers = Servers::start(Options::persistent(folder.path())).await.unwrap();
    for (pid, name) in servers {
        assert!(!is_running(pid), "{name} is still running");
    }
    new_servers.stop().await;
}

#[test]
fn a_command_without_a_running_muster_dev_names_the_cause() {
    let folder = tempfile::tempdir().unwrap();
    let audit =
        Command::new(env!("CARGO_BIN_EXE_muster")).args(["audit", "--dev", "--data"]).arg(folder.path()).output();
    let stderr = String::from_utf8(audit.unwrap().stderr).unwrap();
    assert!(stderr.contains("is `muster dev` running?"), "{stderr}");
}

#[test]
fn missing_settings_are_named_with_a_remedy() {
    let serve = Command::new(env!("CARGO_BIN_EXE_muster")).arg("serve").env_clear().output().unwrap();
    let stderr = String::from_utf8(serve.stderr).unwrap();
    assert!(!serve.status.success());
    for path in ["postgres.database_url", "redis.url", "security.coupon_keys", "openssl rand -hex 32"] {
        assert!(stderr.contains(path), "{stderr}");
    }
}

#[test]
fn an_address_in_use_is_reported_before_anything_starts() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let dev = Command::new(env!("CARGO_BIN_EXE_muster"))
        .args(["dev", "--bare", "--bind", &address.to_string(), "--data"])
        .arg(folder.path())
        .output()
        .unwrap();
    let stderr = String::from_utf8(dev.stderr).unwrap();
    assert!(!dev.status.success() && stderr.contains(&format!("{address} is taken")), "{stderr}");
    assert_eq!(folder.path().read_dir().unwrap().count(), 0);
}
