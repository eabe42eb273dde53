//! The private servers answer, survive what fault tests do to them, and leave nothing behind.

use std::io::Write;
use std::path::Path;
use std::time::Duration;

use muster::dev::servers::{Options, Search, Servers, ServersError};
use redis::AsyncCommands;
use sqlx::{Connection, PgConnection};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::support::fault::wait_until;
use crate::support::processes::state;

const PATIENCE: Duration = Duration::from_secs(30);

async fn ask_postgres(url: &str) -> Result<i32, sqlx::Error> {
    let mut connection = PgConnection::connect(url).await?;
    sqlx::query_scalar("SELECT 40 + 2").fetch_one(&mut connection).await
}

async fn redis_connection(url: &str) -> redis::aio::MultiplexedConnection {
    redis::Client::open(url).unwrap().get_multiplexed_async_connection().await.unwrap()
}

#[tokio::test]
async fn started_servers_answer_at_their_urls() {
    let servers = Servers::start(Options::temporary()).await.unwrap();
    assert_eq!(ask_postgres(&servers.database_url("postgres")).await.unwrap(), 42);
    servers.ensure_database("muster").await.unwrap();
    servers.ensure_database("muster").await.unwrap();
    assert_eq!(ask_postgres(&servers.database_url("muster")).await.unwrap(), 42);
    let mut redis = redis_connection(&servers.redis_url()).await;
    redis.set::<_, _, ()>("key", 42).await.unwrap();
    assert_eq!(redis.get::<_, i32>("key").await.unwrap(), 42);

    let folder = servers.folder().to_owned();
    servers.stop().await;
    assert!(!folder.exists(), "a temporary folder is removed");
}

#[tokio::test]
async fn only_the_requested_servers_are_started() {
    let mut servers = Servers::start(Options { postgres: false, ..Options::temporary() }).await.unwrap();
    assert!(servers.postgres().is_none() && servers.redis().is_some());
    assert!(matches!(servers.ensure_database("muster").await, Err(ServersError::NotStarted { .. })));
}

#[tokio::test]
async fn a_deep_data_folder_gets_short_socket_paths_and_keeps_its_data() {
    let root = tempfile::tempdir_in("/tmp").unwrap();
    make_accessible(root.path());
    let deep = root.path().join("a folder with spaces".repeat(5));
    let servers = Servers::start(Options::persistent(&deep)).await.unwrap();
    servers.ensure_database("kept").await.unwrap();
    servers.stop().await;

    let servers = Servers::start(Options::persistent(&deep)).await.unwrap();
    assert_eq!(ask_postgres(&servers.database_url("kept")).await.unwrap(), 42);
    let refused = Servers::start(Options::persistent(&deep)).await.unwrap_err();
    assert!(matches!(refused, ServersError::InUse(_)), "{refused}");
}

#[tokio::test]
async fn missing_programs_are_named_with_the_command_that_installs_them() {
    let search = Search { folders: Vec::new(), postgres_versions: Vec::new() };
    let refused = Servers::start(Options { search, ..Options::temporary() }).await.unwrap_err().to_string();
    assert!(refused.contains("redis-server and postgres not found"), "{refused}");
    assert!(refused.contains("make setup"), "{refused}");
}

#[tokio::test]
async fn a_server_that_does_not_start_is_reported_with_the_end_of_its_log() {
    let root = tempfile::tempdir_in("/tmp").unwrap();
    make_accessible(root.path());
    let options = Options { redis: false, ..Options::persistent(root.path()) };
    Servers::start(options.clone()).await.unwrap().stop().await;
    let data =
        root.path().read_dir().unwrap().flatten().find(|e| e.file_name().to_string_lossy().starts_with("postgres-"));
    let settings = data.unwrap().path().join("postgresql.conf");
    std::fs::File::options().append(true).open(settings).unwrap().write_all(b"nonsense = here\n").unwrap();

    let refused = Servers::start(options).await.unwrap_err().to_string();
    assert!(refused.contains("postgres.log") && refused.contains("nonsense"), "{refused}");
}

#[tokio::test]
async fn killed_and_paused_servers_keep_acknowledged_data() {
    let mut servers = Servers::start(Options::temporary()).await.unwrap();
    let (database, redis_url) = (servers.database_url("postgres"), servers.redis_url());
    let mut connection = PgConnection::connect(&database).await.unwrap();
    sqlx::query("CREATE TABLE kept (n int)").execute(&mut connection).await.unwrap();
    redis_connection(&redis_url).await.set::<_, _, ()>("kept", 1).await.unwrap();

    servers.postgres().unwrap().kill().await;
    servers.redis().unwrap().kill().await;
    assert!(ask_postgres(&database).await.is_err());
    servers.postgres().unwrap().start().await.unwrap();
    servers.redis().unwrap().start().await.unwrap();
    let mut connection = PgConnection::connect(&database).await.unwrap();
    sqlx::query("INSERT INTO kept VALUES (1)").execute(&mut connection).await.unwrap();
    assert_eq!(redis_connection(&redis_url).await.get::<_, i32>("kept").await.unwrap(), 1);

    let redis = servers.redis().unwrap().pid().unwrap();
    servers.redis().unwrap().pause();
    wait_until("Redis is paused", async || state(redis).as_deref() == Some("T")).await;
    let mut paused = tokio::net::UnixStream::connect(servers.folder().join("run/redis.sock")).await.unwrap();
    paused.write_all(b"PING\r\n").await.unwrap();
    servers.redis().unwrap().resume();
    tokio::time::timeout(PATIENCE, read_pong(&mut paused)).await.unwrap();
}

#[tokio::test]
async fn redis_can_be_restarted_from_an_older_copy_or_empty() {
    let mut servers = Servers::start(Options { postgres: false, ..Options::temporary() }).await.unwrap();
    let url = servers.redis_url();
    redis_connection(&url).await.set::<_, _, ()>("key", "old").await.unwrap();
    let copy = servers.redis().unwrap().copy_data().unwrap();
    redis_connection(&url).await.set::<_, _, ()>("key", "new").await.unwrap();

    servers.redis().unwrap().restart_from(&copy).await.unwrap();
    assert_eq!(redis_connection(&url).await.get::<_, String>("key").await.unwrap(), "old");
    servers.redis().unwrap().restart_empty().await.unwrap();
    assert_eq!(redis_connection(&url).await.get::<_, Option<String>>("key").await.unwrap(), None);
}

/// A temporary folder is private to its creator. When tests run as root, the servers run as another user.
fn make_accessible(folder: &Path) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o755)).unwrap();
}

async fn read_pong(stream: &mut tokio::net::UnixStream) {
    let mut answer = [0; 7];
    stream.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"+PONG\r\n");
}
