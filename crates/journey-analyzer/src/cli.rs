//! The commands. Exit codes: 0 fine, 1 findings, a failed check or an order that is not known, 2 usage, config or a
//! file that cannot be read, 3 unreachable.

mod check;
mod replay;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, anyhow};
use clap::{Parser, Subcommand};
use journey_analyzer::config::Config;
use journey_analyzer::run::{self, Daemon};
use journey_analyzer::store::Store;
use journey_analyzer::{story, telemetry};
use reqwest::{StatusCode, header};
use tokio::signal::unix::{SignalKind, signal};

/// Says which order is stuck, where and why.
#[derive(Parser)]
#[command(version, about)]
pub(crate) struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Checks a journey definition and prints what is wrong with it, with line and column, or draws its flow.
    Check(check::Check),
    /// Tells the story of one order: each stage, what it waits for, and why an alert was raised.
    Explain {
        /// The order id, or a cart or production id.
        order: String,
        /// Where the analyzer's API is.
        #[arg(long, env = "JOURNEY_ANALYZER_URL", default_value = "http://127.0.0.1:8470")]
        url: String,
        /// The analyzer's folder, read if the API does not answer.
        #[arg(long, env = "JOURNEY_DATA", default_value = "./journey-data")]
        data: PathBuf,
    },
    /// Plays recorded spans through the engine and reports what it finds.
    Replay(replay::Replay),
    /// Runs the analyzer.
    Run {
        /// The configuration. Without it, `journey-analyzer.yaml` is read if it is there.
        #[arg(long)]
        config: Option<PathBuf>,
        /// Where the analyzer keeps its rows.
        #[arg(long, env = "JOURNEY_DATA", default_value = "./journey-data")]
        data: PathBuf,
    },
}

/// An error and the exit code that tells its kind.
pub(crate) struct Failure {
    pub(crate) error: anyhow::Error,
    pub(crate) code: u8,
}

/// How long the API may take to answer.
const ASK_TIMEOUT: Duration = Duration::from_secs(10);

const CHECK_FAILED: u8 = 1;
const CONFIG: u8 = 2;
const UNREACHABLE: u8 = 3;

/// Does what the command line says.
pub(crate) async fn execute(cli: Cli) -> Result<ExitCode, Failure> {
    match cli.command {
        Command::Check(command) => check::execute(&command).map_err(with_code(CHECK_FAILED)),
        Command::Explain { order, url, data } => explain(&order, &url, &data).await,
        // Nothing else runs beside it.
        Command::Replay(command) => {
            tokio::task::block_in_place(|| replay::execute(command)).map_err(with_code(CONFIG))
        }
        Command::Run { config, data } => {
            let config = read_config(config).map_err(with_code(CONFIG))?;
            run(config, &data).await.map_err(with_code(CONFIG))
        }
    }
}

fn with_code(code: u8) -> impl FnOnce(anyhow::Error) -> Failure {
    move |error| Failure { error, code }
}

async fn explain(order: &str, url: &str, data: &Path) -> Result<ExitCode, Failure> {
    let text = match ask(order, url).await {
        Ok(text) => text,
        Err(unreachable) => read(order, data).await.map_err(|error| Failure {
            error: error
                .context(format!("{url} does not answer ({unreachable}), and the folder does not help")),
            code: UNREACHABLE,
        })?,
    };
    let Some(text) = text else {
        return Err(Failure { error: anyhow!("nothing is known of `{order}`"), code: CHECK_FAILED });
    };
    say(text.trim_end()).map_err(with_code(CHECK_FAILED))?;
    Ok(ExitCode::SUCCESS)
}

/// Asks the API; `None` if it knows nothing of the order.
async fn ask(order: &str, url: &str) -> anyhow::Result<Option<String>> {
    let mut url = reqwest::Url::parse(url).context("no URL")?;
    url.path_segments_mut()
        .map_err(|()| anyhow!("no base URL"))?
        .pop_if_empty()
        .extend(["api", "v1", "orders", order]);
    let request = reqwest::Client::new().get(url).header(header::ACCEPT, "text/plain").timeout(ASK_TIMEOUT);
    let response = request.send().await?;
    if response.status() == StatusCode::NOT_FOUND {
        return Ok(None);
    }
    Ok(Some(response.error_for_status()?.text().await?))
}

/// Reads the folder; `None` if it knows nothing of the order.
async fn read(order: &str, data: &Path) -> anyhow::Result<Option<String>> {
    let store = Store::open_read_only(data).await?;
    let text = store.definition().await?.context("the store holds no definition")?;
    let story = story::tell(&store, &run::parse(None, &text)?, order).await?;
    Ok(story.map(|story| story.to_string()))
}

fn read_config(path: Option<PathBuf>) -> anyhow::Result<Config> {
    let default = PathBuf::from("journey-analyzer.yaml");
    let path = path.or_else(|| default.exists().then_some(default));
    let text = match &path {
        Some(path) => {
            Some(std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?)
        }
        None => None,
    };
    Config::read(text.as_deref(), |name| std::env::var(name).ok()).map_err(|problems| {
        let file = path.map_or(String::new(), |path| format!(" {}", path.display()));
        anyhow!("the configuration{file} has mistakes:\n{}", problems.join("\n"))
    })
}

async fn run(config: Config, data: &Path) -> anyhow::Result<ExitCode> {
    telemetry::install_log();
    let alertmanager = config.alertmanager.clone();
    let mut daemon = Daemon::start(config, data).await?;
    tracing::info!(
        "API on http://{}, OTLP/HTTP on http://{}, OTLP/gRPC on http://{}",
        daemon.api,
        daemon.otlp_http,
        daemon.otlp_grpc
    );
    if alertmanager.is_empty() {
        tracing::info!("no Alertmanager is configured: findings stay here and at the API");
    }
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        outcome = tokio::signal::ctrl_c() => outcome?,
        _ = terminate.recv() => {}
        // A supervisor starts it again; what was not acknowledged comes again too.
        () = daemon.failed() => anyhow::bail!("the analyzer cannot go on"),
    }
    tracing::info!("stopping");
    daemon.stop().await;
    Ok(ExitCode::SUCCESS)
}

fn say(text: &str) -> anyhow::Result<()> {
    Ok(writeln!(std::io::stdout(), "{text}")?)
}
