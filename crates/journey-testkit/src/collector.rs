//! An OTLP collector that keeps what it gets, and fails on demand: by HTTP and by gRPC on one port, with TLS if asked.

mod grpc;
mod tls;

use std::io::Read;
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use flate2::read::GzDecoder;
use tokio::sync::oneshot;

pub use tls::TestTls;

/// A collector on a loopback port, in a thread of its own, until it drops.
#[derive(Debug)]
pub struct Collector {
    address: SocketAddr,
    scheme: &'static str,
    kept: Arc<Kept>,
    /// Dropping it ends the server.
    _stop: oneshot::Sender<()>,
}

/// How requests are answered.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Mood {
    /// Takes them.
    #[default]
    Fine,
    /// Reads them and never answers.
    Hangs,
    /// Takes them, apart from one record of each request.
    Picky,
    /// Answers with this status, and `Retry-After` in seconds.
    Refuses {
        /// Status code of HTTP. By gRPC, 503 is `UNAVAILABLE`, and any other is `INVALID_ARGUMENT`.
        status: u16,
        /// `Retry-After`, seconds.
        retry_after_s: u64,
    },
    /// Takes them after this time.
    Slow(Duration),
}

#[derive(Debug, Default)]
struct Kept {
    mood: Mutex<Mood>,
    bodies: Mutex<Vec<Vec<u8>>>,
    metric_bodies: Mutex<Vec<Vec<u8>>>,
    /// Requests that were compressed.
    compressed: Mutex<u64>,
    requests: Mutex<u64>,
}

impl Collector {
    /// Starts on a free port.
    ///
    /// # Errors
    /// The system gives no port or thread.
    pub fn start() -> anyhow::Result<Self> {
        Self::start_at("127.0.0.1:0".parse()?)
    }

    /// Starts at an address, such as the one that a test has told its client before.
    ///
    /// # Errors
    /// The address is taken, or the system gives no thread.
    pub fn start_at(address: SocketAddr) -> anyhow::Result<Self> {
        Self::serve(address, None)
    }

    /// Starts on a free port, behind TLS. Clients must show their certificate.
    ///
    /// # Errors
    /// The system gives no port or thread, or a certificate is none.
    pub fn start_with_tls(tls: &TestTls) -> anyhow::Result<Self> {
        Self::serve("127.0.0.1:0".parse()?, Some(tls))
    }

    fn serve(address: SocketAddr, tls: Option<&TestTls>) -> anyhow::Result<Self> {
        let listener = TcpListener::bind(address).with_context(|| format!("no port at {address}"))?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let kept = Arc::new(Kept::default());
        let (stop, stopped) = oneshot::channel();
        let app = Router::new()
            .route("/v1/traces", post(take_traces))
            .route("/v1/metrics", post(take_metrics))
            .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
            .with_state(kept.clone())
            .merge(grpc::router(&kept));
        let acceptor = tls.map(TestTls::acceptor).transpose()?;
        let scheme = if acceptor.is_some() { "https" } else { "http" };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        std::thread::Builder::new().name("collector".into()).spawn(move || {
            runtime.block_on(async {
                let listener = tokio::net::TcpListener::from_std(listener)?;
                let served = async {
                    match acceptor {
                        Some(acceptor) => axum::serve(tls::Listener { listener, acceptor }, app).await,
                        None => axum::serve(listener, app).await,
                    }
                };
                tokio::select! {
                    served = served => served,
                    _ = stopped => Ok(()),
                }
            })
        })?;
        Ok(Self { address, scheme, kept, _stop: stop })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its base URL.
    pub fn url(&self) -> String {
        format!("{}://{}", self.scheme, self.address)
    }

    /// Changes how later requests are answered.
    pub fn set_mood(&self, mood: Mood) {
        *lock(&self.kept.mood) = mood;
    }

    /// Requests that came, taken or not.
    pub fn requests(&self) -> u64 {
        *lock(&self.kept.requests)
    }

    /// Requests that came compressed. The kept bodies are not.
    pub fn compressed(&self) -> u64 {
        *lock(&self.kept.compressed)
    }

    /// The bodies of spans that it took, in the order they came: each an OTLP `ExportTraceServiceRequest`.
    pub fn bodies(&self) -> Vec<Vec<u8>> {
        lock(&self.kept.bodies).clone()
    }

    /// Takes those bodies away, for a reader that looks again and again.
    pub fn take_bodies(&self) -> Vec<Vec<u8>> {
        std::mem::take(&mut *lock(&self.kept.bodies))
    }

    /// The bodies of metrics that it took, in the order they came: each an OTLP `ExportMetricsServiceRequest`.
    pub fn metric_bodies(&self) -> Vec<Vec<u8>> {
        lock(&self.kept.metric_bodies).clone()
    }

    /// Waits until `enough` is true of the bodies, at most `time`. Gives the bodies either way.
    pub fn wait(&self, time: Duration, enough: impl Fn(&[Vec<u8>]) -> bool) -> Vec<Vec<u8>> {
        let deadline = Instant::now() + time;
        loop {
            let bodies = self.bodies();
            if enough(&bodies) || Instant::now() >= deadline {
                return bodies;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

async fn take_traces(State(kept): State<Arc<Kept>>, headers: HeaderMap, body: Bytes) -> Response {
    take(&kept, &kept.bodies, &headers, body).await
}

async fn take_metrics(State(kept): State<Arc<Kept>>, headers: HeaderMap, body: Bytes) -> Response {
    take(&kept, &kept.metric_bodies, &headers, body).await
}

async fn take(kept: &Kept, bodies: &Mutex<Vec<Vec<u8>>>, headers: &HeaderMap, body: Bytes) -> Response {
    *lock(&kept.requests) += 1;
    let mood = *lock(&kept.mood);
    if let Mood::Slow(time) = mood {
        tokio::time::sleep(time).await;
    }
    match mood {
        Mood::Fine | Mood::Picky | Mood::Slow(_) => {
            lock(bodies).push(inflated(kept, headers, &body));
            let rejected = u64::from(mood == Mood::Picky);
            let message = journey_otlp::answer::accepted(rejected, REJECTION);
            ([(header::CONTENT_TYPE, "application/x-protobuf")], message).into_response()
        }
        Mood::Hangs => std::future::pending().await,
        Mood::Refuses { status, retry_after_s } => {
            let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            (status, [(header::RETRY_AFTER, retry_after_s.to_string())]).into_response()
        }
    }
}

fn inflated(kept: &Kept, headers: &HeaderMap, body: &[u8]) -> Vec<u8> {
    if headers.get(header::CONTENT_ENCODING).is_none_or(|encoding| encoding != "gzip") {
        return body.to_vec();
    }
    *lock(&kept.compressed) += 1;
    let mut inflated = Vec::new();
    // A body that is broken is kept as far as it goes: whoever reads it sees that.
    let _ = GzDecoder::new(body).read_to_end(&mut inflated);
    inflated
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Bytes of one request. A larger one is answered with 413.
const BODY_BYTES_MAX: usize = 4 << 20;

/// What a picky collector says of the record that it did not take.
const REJECTION: &str = "one is enough";
