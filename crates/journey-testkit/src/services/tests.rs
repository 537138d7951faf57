//! The real servers, started, killed and started again.

use std::{process::Command, time::Instant};

use super::*;
use crate::{env_url, packages};

/// `None` where the program is missing and may be.
fn create(kind: Kind) -> Option<(Home, Service)> {
    if packages::missing(&[kind.into()]).is_empty() {
        let home = Home::new().expect("a home");
        let service = Service::create(kind, home.path()).expect("the server starts");
        return Some((home, service));
    }
    assert!(!env_url::services_required(), "{} is not installed, but no test may be skipped", kind.program());
    None
}

/// Kills and restarts; the second life is another process at the same address.
fn kill_and_restart(service: &Service) {
    let first = (service.pid().expect("it runs"), service.url());
    service.kill();
    assert_eq!(service.pid(), None);
    service.start().expect("it starts on its old data");
    let second = (service.pid().expect("it runs again"), service.url());
    assert_ne!(first.0, second.0);
    assert_eq!(first.1, second.1);
}

/// Scenario: Alertmanager starts with the shipped routes, is killed, restarted, and stopped in order.
/// Guarantees: it becomes ready each time at the same address, and is gone after the stop.
#[test]
fn alertmanager_lives_twice() {
    let Some((_home, service)) = create(Kind::Alertmanager) else { return };
    kill_and_restart(&service);
    service.stop();
    assert_eq!(service.pid(), None);
}

/// Scenario: a row is committed in PostgreSQL, the server killed and restarted.
/// Guarantees: the row is still there.
#[test]
fn postgres_keeps_what_it_acknowledged() {
    let Some((_home, service)) = create(Kind::Postgres) else { return };
    let psql = |sql: &str| {
        let output =
            Command::new("psql").args(["-XAtq", "-c", sql, &service.url()]).output().expect("psql runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    };
    psql("create table t (x int); insert into t values (42)");
    kill_and_restart(&service);
    assert_eq!(psql("select x from t"), "42");
}

/// Scenario: RabbitMQ is killed and restarted, then found by its folder as a later command does, and stopped in order.
/// Guarantees: it serves again on the same port, and no process is left when its home is dropped.
#[test]
fn rabbitmq_lives_twice_and_leaves_nothing() {
    let Some((home, service)) = create(Kind::RabbitMq) else { return };
    kill_and_restart(&service);
    let found = Service::open(service.folder()).expect("the folder says what it is");
    assert_eq!((found.kind(), found.url()), (Kind::RabbitMq, service.url()));
    found.stop();
    assert_eq!(service.pid(), None);
    let epmd = service.place.helpers();
    assert_eq!(epmd.len(), 1);
    drop(home);
    assert!(!epmd[0].is_alive());
}

/// Scenario: a server cannot start, because its configuration is broken.
/// Guarantees: the error comes soon and holds the server's own words.
#[test]
fn a_failed_start_says_why() {
    let Some((_home, service)) = create(Kind::Alertmanager) else { return };
    service.kill();
    fs::write(service.folder().join("alertmanager.yml"), "nonsense: true\n").expect("the folder is writable");
    let begun = Instant::now();
    let error = service.start().expect_err("the configuration is broken");
    assert!(begun.elapsed() < Kind::Alertmanager.patience());
    assert!(format!("{error:#}").contains("nonsense"), "{error:#}");
}

/// Scenario: what servers and the system say of a port that another process has, and of other troubles.
/// Guarantees: only the former asks for other ports.
#[test]
fn other_ports_help_where_a_port_is_taken() {
    for (words, is_about_ports) in [
        ("could not bind IPv4 address \"127.0.0.1\": Address already in use", true),
        ("Failed to start Ranch listener: eaddrinuse", true),
        ("could not access directory", false),
    ] {
        assert_eq!(super::is_about_ports(&anyhow::anyhow!("{words}")), is_about_ports, "{words}");
    }
}
