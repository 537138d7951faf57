//! The daemon: every part started, joined by channels, and ended from left to right.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use axum::Router;
use journey_detect::Definition;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;

use crate::alert::Sender;
use crate::api::Api;
use crate::config::Config;
use crate::ingest::otlp_grpc::TraceService;
use crate::ingest::stream::{StreamReader, StreamState};
use crate::limits::{DELIVERIES_MAX, RETRY_PAUSE_MAX};
use crate::owner::Owner;
use crate::store::Store;
use crate::{SHIPPED_DEFINITION, ingest, telemetry};

/// A daemon that runs.
#[derive(Debug)]
pub struct Daemon {
    /// Where the API listens.
    pub api: SocketAddr,
    /// Where OTLP/gRPC is received.
    pub otlp_grpc: SocketAddr,
    /// Where OTLP/HTTP is received.
    pub otlp_http: SocketAddr,
    store: Store,
    stop: watch::Sender<bool>,
    receivers: Vec<JoinHandle<()>>,
    reader: Option<JoinHandle<()>>,
    owner: JoinHandle<()>,
}

impl Daemon {
    /// Starts every part. The broker and Alertmanager may be away.
    ///
    /// # Errors
    /// The definition has mistakes, an address is taken, the store cannot be opened.
    pub async fn start(config: Config, data: &Path) -> anyhow::Result<Self> {
        let text = definition_text(config.definition.as_deref())?;
        let definition = parse(config.definition.as_deref(), &text)?;
        let store = open(data).await?;
        store.set_definition(&text).await?;
        let metrics = telemetry::metrics();
        let api_listener = bind(config.api).await?;
        let grpc_listener = bind(config.otlp_grpc).await?;
        let otlp_listener = bind(config.otlp_http).await?;
        let (api, otlp_http) = (api_listener.local_addr()?, otlp_listener.local_addr()?);
        let config = Config { api, otlp_grpc: grpc_listener.local_addr()?, otlp_http, ..config };

        let (deliveries, received) = mpsc::channel(DELIVERIES_MAX);
        let (stop, stopped) = watch::channel(false);
        let (reader, stream) = start_stream(&config, &definition, &store, &deliveries);
        let (findings_changed, changed) = watch::channel(0);
        let owner = Owner::new(definition.clone(), store.clone(), received, stream, findings_changed).await?;
        for url in &config.alertmanager {
            tokio::spawn(Sender::new(url, &config, store.clone(), changed.clone())?.run());
        }
        let api = Api { store: store.clone(), definition: Arc::new(definition), metrics };
        let receivers = vec![
            serve_grpc(grpc_listener, TraceService::new(deliveries.clone()), stopped.clone()),
            serve(otlp_listener, ingest::otlp_http::router(deliveries), stopped.clone()),
            serve(api_listener, api.router(), stopped),
        ];
        let owner = tokio::spawn(owner.run());
        let Config { api, otlp_grpc, otlp_http, .. } = config;
        Ok(Self { api, otlp_grpc, otlp_http, store, stop, receivers, reader, owner })
    }

    /// Waits until the engine's owner ends by itself, which it does only by a defect.
    pub async fn failed(&mut self) {
        if let Err(error) = (&mut self.owner).await {
            tracing::error!("the owner of the engine died: {error}");
        }
    }

    /// Ends from left to right: no new data, then everything taken is made durable.
    pub async fn stop(self) {
        self.stop.send_replace(true);
        if let Some(reader) = self.reader {
            reader.abort();
        }
        for receiver in self.receivers {
            // An answer waits for its commit; the owner still works.
            let _ = tokio::time::timeout(STOP_WAIT_MAX, receiver).await;
        }
        let _ = tokio::time::timeout(STOP_WAIT_MAX, self.owner).await;
        self.store.close().await;
    }
}

fn start_stream(
    config: &Config,
    definition: &Definition,
    store: &Store,
    deliveries: &mpsc::Sender<crate::Delivery>,
) -> (Option<JoinHandle<()>>, Option<watch::Receiver<StreamState>>) {
    let Some(url) = config.amqp.clone() else { return (None, None) };
    let (state, stream) = watch::channel(StreamState::Behind);
    let reader = StreamReader {
        url,
        store: store.clone(),
        deliveries: deliveries.clone(),
        state,
        // Timestamps in the stream have a resolution of a second.
        lag_max: Duration::from_nanos(definition.beat_interval_ns) + Duration::from_secs(1),
    };
    (Some(tokio::spawn(reader.run())), Some(stream))
}

fn serve(listener: TcpListener, router: Router, mut stopped: watch::Receiver<bool>) -> JoinHandle<()> {
    tokio::spawn(async move {
        let until = async move {
            // An error means that the daemon is gone, which ends it too.
            let _ = stopped.wait_for(|stopped| *stopped).await;
        };
        if let Err(error) = axum::serve(listener, router).with_graceful_shutdown(until).await {
            tracing::error!("a server ended: {error}");
        }
    })
}

fn serve_grpc(
    listener: TcpListener,
    service: TraceService,
    mut stopped: watch::Receiver<bool>,
) -> JoinHandle<()> {
    tokio::spawn(async move {
        let until = async move {
            // An error means that the daemon is gone, which ends it too.
            let _ = stopped.wait_for(|stopped| *stopped).await;
        };
        let server = Server::builder().add_service(service);
        if let Err(error) = server.serve_with_incoming_shutdown(TcpIncoming::from(listener), until).await {
            tracing::error!("the OTLP/gRPC server ended: {error}");
        }
    })
}

async fn bind(address: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).await.with_context(|| format!("cannot listen on {address}"))
}

/// Opens the store; a file that another process holds, or a full disk, is waited for.
async fn open(data: &Path) -> anyhow::Result<Store> {
    let mut was_said = false;
    loop {
        match Store::open(data).await {
            Ok(store) => return Ok(store),
            Err(error) if is_passing(&error) => {
                if !std::mem::replace(&mut was_said, true) {
                    tracing::warn!("the store is away, trying again: {error:#}");
                }
                tokio::time::sleep(RETRY_PAUSE_MAX).await;
            }
            Err(error) => return Err(error),
        }
    }
}

/// SQLITE_BUSY (5), SQLITE_LOCKED (6) and SQLITE_FULL (13) pass.
fn is_passing(error: &anyhow::Error) -> bool {
    let database = error.chain().find_map(|cause| cause.downcast_ref::<sqlx::Error>()?.as_database_error());
    let code = database.and_then(|error| error.code()?.parse::<u32>().ok());
    code.is_some_and(|code| matches!(code & 0xff, 5 | 6 | 13))
}

/// The text of the definition in this file, or of the shipped one.
///
/// # Errors
/// The file cannot be read.
pub fn definition_text(path: Option<&Path>) -> anyhow::Result<String> {
    let Some(path) = path else { return Ok(SHIPPED_DEFINITION.to_owned()) };
    std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
}

/// The definition in this text.
///
/// # Errors
/// All its mistakes, each with file, line and column.
pub fn parse(path: Option<&Path>, text: &str) -> anyhow::Result<Definition> {
    let path = path.map_or_else(|| PathBuf::from("journeys.yaml"), Path::to_path_buf);
    Definition::parse(text).map_err(|errors| {
        let mistakes: Vec<String> =
            errors.mistakes.iter().map(|mistake| format!("{}:{mistake}", path.display())).collect();
        anyhow::anyhow!("the journey definition has mistakes:\n{}", mistakes.join("\n"))
    })
}

/// How long each part may take to end.
const STOP_WAIT_MAX: Duration = Duration::from_secs(5);
