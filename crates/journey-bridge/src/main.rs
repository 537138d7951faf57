//! The program `journey-bridge`.

use std::io::IsTerminal as _;
use std::net::SocketAddr;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use journey_bridge::relay::{Config, Relay};
use lapin::uri::AMQPUri;
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

/// Carries traces between OTLP and RabbitMQ.
#[derive(Parser)]
#[command(version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Takes OTLP/HTTP and publishes it to the stream traces.events; answers after the broker's confirm.
    Relay {
        /// Address for OTLP/HTTP.
        #[arg(long, env = "JOURNEY_RELAY_LISTEN", default_value = "127.0.0.1:4328")]
        listen: SocketAddr,
        /// Where RabbitMQ is; may hold a password, so the variable is the better place.
        #[arg(
            long,
            env = "JOURNEY_AMQP_URL",
            hide_env_values = true,
            default_value = "amqp://guest:guest@127.0.0.1:5672/%2f",
            value_parser = Config::parse_amqp
        )]
        amqp_url: AMQPUri,
    },
}

#[tokio::main]
async fn main() -> ExitCode {
    let Cli { command: Command::Relay { listen, amqp_url } } = Cli::parse();
    start_log();
    match relay(Config { listen, amqp: amqp_url }).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn relay(config: Config) -> anyhow::Result<()> {
    let relay = Relay::bind(config).await?;
    tracing::info!(listen = %relay.local_addr()?, "the relay serves OTLP/HTTP at /v1/traces");
    relay.run(stop_signal()?).await
}

/// SIGTERM or Ctrl-C.
fn stop_signal() -> anyhow::Result<impl Future<Output = ()> + Send + 'static> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

/// lapin logs each failed attempt itself; the relay says the same once per outage.
fn start_log() {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info,lapin=off"));
    let is_terminal = std::io::stderr().is_terminal();
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(is_terminal)
        .init();
}
