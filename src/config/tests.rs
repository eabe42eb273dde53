//! Tests of precedence, validation and error reporting.

use std::net::IpAddr;
use std::time::Duration;

use super::*;

fn required() -> Sources {
    Sources::default()
        .with("postgres.database_url", "postgres:///muster")
        .with("redis.url", "redis://localhost")
        .with("security.coupon_keys", format!("1:{}", "ab".repeat(32)))
}

fn with_environment(variables: &[(&str, &str)]) -> Sources {
    let environment = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Sources { environment, ..required() }
}

fn problems_of(sources: &Sources) -> Vec<String> {
    let problems = Config::load(sources).expect_err("the configuration must be refused");
    problems.as_slice().iter().map(|problem| problem.path.clone()).collect()
}

#[test]
fn the_defaults_need_only_the_two_servers_and_a_coupon_key() {
    Config::load(&required()).unwrap();
    let missing = problems_of(&Sources::default());
    assert_eq!(missing, ["postgres.database_url", "redis.url", "security.coupon_keys"]);
}

#[test]
fn loading_some_sections_ignores_problems_in_the_others_only() {
    let database = Sources::default().with("postgres.database_url", "postgres:///muster");
    let load = |sources: &Sources| Config::load_sections(sources, &["postgres"]);
    load(&database).unwrap();
    let problems = load(&database.clone().with("postgres.pool_max", "1").with("live.deals_per_socket_max", "0"));
    assert_eq!(
        problems.unwrap_err().as_slice().iter().map(|p| p.path.as_str()).collect::<Vec<_>>(),
        ["postgres.pool_max"]
    );
    let missing_file = Sources { file: Some("/no/such/file".into()), ..database };
    assert_eq!(load(&missing_file).unwrap_err().as_slice()[0].path, "/no/such/file");
}

#[test]
fn every_profile_can_be_used() {
    for profile in [Profile::Dev, Profile::Load] {
        Config::load(&Sources { profile: Some(profile), ..required() }).unwrap();
    }
}

#[test]
fn the_environment_sets_any_key() {
    let sources = with_environment(&[
        ("MUSTER__SERVER__BIND", "0.0.0.0:80"),
        ("MUSTER__LANES__QUEUE_WAIT_MAX_MS", "1500"),
        ("MUSTER__LIMITS__JOINS_PER_ACCOUNT__COUNT", "7"),
        ("MUSTER__SERVER__TRUSTED_PROXIES", "10.0.0.0/8, ::1"),
        ("MUSTER__SERVER__INTERNAL_BIND", ""),
        ("HOME", "/nowhere"),
    ]);
    let config = Config::load(&sources).unwrap();
    assert_eq!(config.server.bind.to_string(), "0.0.0.0:80");
    assert_eq!(config.server.internal_bind, None);
    assert_eq!(config.lanes.queue_wait_max, Duration::from_millis(1500));
    assert_eq!(config.limits.joins_per_account.count, 7);
    assert_eq!(config.server.trusted_proxies.len(), 2);
}

#[test]
fn one_call_reports_all_problems_with_their_paths() {
    let sources = with_environment(&[
        ("MUSTER__SERVER__BIND", "everywhere"),
        ("MUSTER__SERVER__BNID", "0.0.0.0:80"),
        ("MUSTER__SERVERS__BIND", "0.0.0.0:80"),
        ("MUSTER__LIVE", "9"),
        ("MUSTER__LANES__COUNT", "0"),
        ("MUSTER__REDIS__HOLD_TTL_MS", "-5"),
        ("MUSTER__LIVE__ALLOWED_ORIGINS", "https://ok.example,nonsense"),
        ("MUSTER__MAIL__FROM", "nobody"),
        ("MUSTER__LIMITS__JOINS_PER_ACCOUNT__COUNT", "many"),
    ]);
    let mut found = problems_of(&sources);
    found.sort();
    let expected = [
        "lanes.count",
        "limits.joins_per_account.count",
        "live",
        "live.allowed_origins",
        "mail.from",
        "redis.hold_ttl_ms",
        "server.bind",
        "server.bnid",
        "servers.bind",
    ];
    assert_eq!(found, expected);
}

#[test]
fn a_file_is_checked_like_the_environment() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("muster.toml");
    std::fs::write(&path, "lanes = 9\nsevrer.bind = 1\n").unwrap();
    let mut found = problems_of(&Sources { file: Some(path), ..required() });
    found.sort();
    assert_eq!(found, ["lanes", "sevrer"]);
}

#[test]
fn a_file_that_cannot_be_parsed_is_named_with_its_line() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("muster.toml");
    std::fs::write(&path, "[server]\nbind = \n").unwrap();
    let problems = Config::load(&Sources { file: Some(path.clone()), ..required() }).unwrap_err();
    assert_eq!(problems.as_slice()[0].path, path.display().to_string());
    assert!(problems.to_string().contains("line 2"), "{problems}");
}

#[test]
fn a_file_that_is_missing_is_named() {
    assert_eq!(problems_of(&Sources { file: Some("/no/such/file".into()), ..required() }), ["/no/such/file"]);
}

#[test]
fn the_environment_wins_over_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("muster.toml");
    std::fs::write(&path, "[lanes]\ncount = 2\nbatch_max = 10\n").unwrap();
    let sources = Sources { file: Some(path), ..with_environment(&[("MUSTER__LANES__COUNT", "3")]) };
    let config = Config::load(&sources).unwrap();
    assert_eq!((config.lanes.count, config.lanes.batch_max), (3, 10));
}

#[test]
fn secrets_are_not_in_debug_output() {
    let sources = required().with("postgres.database_url", "postgres://muster:hush@db/muster");
    let shown = format!("{:?}", Config::load(&sources).unwrap());
    assert!(!shown.contains("hush") && !shown.contains("abab"), "{shown}");
}

#[test]
fn a_coupon_key_is_an_id_and_64_digits() {
    for refused in ["1", "0:", "1:abc", "x:".to_owned().as_str(), &format!("0:{}", "ab".repeat(32))] {
        assert_eq!(problems_of(&required().with("security.coupon_keys", refused)), ["security.coupon_keys"]);
    }
    let twice = format!("1:{0},1:{0}", "ab".repeat(32));
    assert_eq!(problems_of(&required().with("security.coupon_keys", twice)), ["security.coupon_keys"]);
}

#[test]
fn a_lookup_key_is_64_digits_and_not_a_coupon_key() {
    for accepted in [String::new(), "cd".repeat(32), format!("{},{}", "cd".repeat(32), "ef".repeat(32))] {
        Config::load(&required().with("security.coupon_lookup_keys", accepted)).unwrap();
    }
    for refused in ["1", "x", &"ab".repeat(31), &format!("1:{}", "cd".repeat(32)), &"ab".repeat(32)] {
        let problems = problems_of(&required().with("security.coupon_lookup_keys", refused));
        assert_eq!(problems, ["security.coupon_lookup_keys"], "{refused}");
    }
}

#[test]
fn a_base_url_has_no_path() {
    for refused in ["", "example.com", "ftp://example.com", "http://", "http://a/b", "http://me@a", "http://a b"] {
        assert!(refused.parse::<BaseUrl>().is_err(), "{refused}");
    }
    let url: BaseUrl = "https://Deals.example:8443/".parse().unwrap();
    assert_eq!(url.join("/deals"), "https://deals.example:8443/deals");
    assert!(url.is_https());
}

#[test]
fn a_network_contains_its_addresses_only() {
    let inside =
        |network: &str, address: &str| network.parse::<Network>().unwrap().contains(address.parse::<IpAddr>().unwrap());
    assert!(inside("10.0.0.0/8", "10.255.0.1") && !inside("10.0.0.0/8", "11.0.0.1"));
    assert!(inside("10.0.0.0/8", "::ffff:10.1.2.3"));
    assert!(inside("192.0.2.7", "192.0.2.7") && !inside("192.0.2.7", "192.0.2.8"));
    assert!(inside("0.0.0.0/0", "203.0.113.9") && !inside("0.0.0.0/0", "::1"));
    assert!(inside("fd00::/8", "fdff::1") && !inside("fd00::/8", "fe80::1"));
    for refused in ["", "10.0.0.0/33", "::/129", "10.0.0/8", "host"] {
        assert!(refused.parse::<Network>().is_err(), "{refused}");
    }
}
