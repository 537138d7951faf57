//! A private RabbitMQ node: user `guest`, 127.0.0.1 alone, no plugins.
//!
//! Streams as a queue type need no plugin, and without plugins the node is ready in about 5 s instead of 10 s. Erlang's
//! port mapper `epmd` is private too and survives `kill -9` of the node.

use std::{fs, process::Command, time::Duration};

use anyhow::{Context, Result};
use nix::sys::signal::Signal;

use super::{Kind, Place, Server};
use crate::{
    packages,
    process::{Process, wait_until},
};

pub(super) struct RabbitMq;

impl Server for RabbitMq {
    /// AMQP, Erlang distribution, epmd.
    fn ports(&self) -> usize {
        3
    }

    fn prepare(&self, place: &Place) -> Result<()> {
        for folder in ["mnesia", "log", "home"] {
            fs::create_dir(place.file(folder))?;
        }
        fs::write(place.file("rabbitmq.conf"), config(place.ports[0]))?;
        fs::write(place.file("enabled_plugins"), "[].\n")?;
        // Keeps the machine's own /etc/rabbitmq/rabbitmq-env.conf out.
        fs::write(place.file("env.conf"), "")?;
        Ok(())
    }

    fn spawn(&self, place: &Place) -> Result<Process> {
        start_epmd(place)?;
        let log = place.log()?;
        let mut command = Command::new(packages::program(Kind::RabbitMq)?);
        command.current_dir(&place.folder).stdout(log.try_clone()?).stderr(log);
        // A caller under systemd has a notify socket that is not for this node.
        command.env_remove("NOTIFY_SOCKET").envs(environment(place));
        Process::spawn(&mut command, &place.pid_file()).context("rabbitmq-server")
    }

    /// The node answers a client's greeting with `Connection.Start`, a method frame (type 1) on channel 0.
    fn is_ready(&self, place: &Place) -> bool {
        place.ask(b"AMQP\x00\x00\x09\x01").is_some_and(|answer| answer.starts_with(&[1, 0, 0]))
    }

    fn stop_signal(&self) -> Signal {
        Signal::SIGTERM
    }

    fn url(&self, place: &Place) -> String {
        // `%2f` is the default virtual host `/`.
        format!("amqp://guest:guest@127.0.0.1:{}/%2f", place.ports[0])
    }
}

/// Started here and not by the node, which would start it as a daemon that nobody ends.
fn start_epmd(place: &Place) -> Result<()> {
    let pid_file = place.file("epmd.pid");
    if Process::from_file(&pid_file).is_some() {
        return Ok(());
    }
    let port = place.ports[2];
    let mut command = Command::new("epmd");
    command.args(["-address", "127.0.0.1", "-port", &port.to_string()]).envs(environment(place));
    let log = fs::File::create(place.file("epmd.log"))?;
    command.stdout(log.try_clone()?).stderr(log);
    Process::spawn(&mut command, &pid_file).context("epmd, which comes with Erlang")?;
    // The node would otherwise start its own.
    wait_until(EPMD_WAIT, || place.answers(port));
    Ok(())
}

fn config(port: u16) -> String {
    format!(
        "listeners.tcp.1 = 127.0.0.1:{port}\n\
         loopback_users.guest = true\n\
         disk_free_limit.absolute = 50MB\n\
         vm_memory_high_watermark.absolute = 512MB\n\
         log.console = false\n\
         log.file.level = info\n"
    )
}

/// All that would otherwise lead to the machine's own node: its folders, its name, its port mapper.
fn environment(place: &Place) -> Vec<(&'static str, String)> {
    let path = |name: &str| place.file(name).display().to_string();
    vec![
        ("HOME", path("home")),
        ("RABBITMQ_NODENAME", format!("journey{}@localhost", place.ports[0])),
        ("RABBITMQ_MNESIA_BASE", path("mnesia")),
        ("RABBITMQ_LOG_BASE", path("log")),
        ("RABBITMQ_CONFIG_FILE", path("rabbitmq.conf")),
        ("RABBITMQ_ADVANCED_CONFIG_FILE", path("advanced.config")),
        ("RABBITMQ_ENABLED_PLUGINS_FILE", path("enabled_plugins")),
        ("RABBITMQ_PID_FILE", path("node")),
        ("RABBITMQ_CONF_ENV_FILE", path("env.conf")),
        ("RABBITMQ_DIST_PORT", place.ports[1].to_string()),
        ("RABBITMQ_NODE_IP_ADDRESS", "127.0.0.1".to_owned()),
        ("RABBITMQ_SERVER_START_ARGS", "-kernel inet_dist_use_interface {127,0,0,1}".to_owned()),
        ("ERL_EPMD_PORT", place.ports[2].to_string()),
        ("ERL_EPMD_ADDRESS", "127.0.0.1".to_owned()),
    ]
}

const EPMD_WAIT: Duration = Duration::from_secs(5);
