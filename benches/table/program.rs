//! Starting the programs under measurement: their environment, and the wait for their first response.

use std::path::Path;
use std::time::Duration;

use anyhow::Result;
use muster::dev::servers::Program;

/// The environment of this process without the user's own servers, plus these variables.
pub fn environment(own: &[(&str, &str)]) -> Vec<(String, String)> {
    let is_replaced =
        |name: &str| name == "DATABASE_URL" || name == "REDIS_URL" || own.iter().any(|(replaced, _)| *replaced == name);
    let inherited =
        std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    let own = own.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    inherited.filter(|(name, _)| !is_replaced(name)).chain(own).collect()
}

/// Waits until a program that was just started accepts requests. Fails after 30 seconds, or when the program exits.
pub async fn wait_until_ready(address: &str, program: &mut Program, log: &Path) -> Result<()> {
    for _ in 0..300 {
        if reqwest::get(format!("http://{address}/")).await.is_ok() && program.is_running() {
            return Ok(());
        }
        if !program.is_running() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    anyhow::bail!("nothing answers at {address}: {}", std::fs::read_to_string(log).unwrap_or_default())
}
