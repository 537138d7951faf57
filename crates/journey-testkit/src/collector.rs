//! An OTLP/HTTP collector that keeps what it gets, and fails on demand.

use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use tokio::sync::oneshot;

/// A collector on a loopback port, in a thread of its own, until it drops.
#[derive(Debug)]
pub struct Collector {
    address: SocketAddr,
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
    /// Answers with this status, and `Retry-After` in seconds.
    Refuses {
        /// Status code.
        status: u16,
        /// `Retry-After`, seconds.
        retry_after_s: u64,
    },
}

#[derive(Debug, Default)]
struct Kept {
    mood: Mutex<Mood>,
    bodies: Mutex<Vec<Vec<u8>>>,
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
        let listener = TcpListener::bind(address).with_context(|| format!("no port at {address}"))?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let kept = Arc::new(Kept::default());
        let (stop, stopped) = oneshot::channel();
        let app = Router::new()
            .route("/v1/traces", post(take))
            .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
            .with_state(kept.clone());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        std::thread::Builder::new().name("collector".into()).spawn(move || {
            runtime.block_on(async {
                let listener = tokio::net::TcpListener::from_std(listener)?;
                tokio::select! {
                    served = axum::serve(listener, app).into_future() => served,
                    _ = stopped => Ok(()),
                }
            })
        })?;
        Ok(Self { address, kept, _stop: stop })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its base URL.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Changes how later requests are answered.
    pub fn set_mood(&self, mood: Mood) {
        *lock(&self.kept.mood) = mood;
    }

    /// Requests that came, taken or not.
    pub fn requests(&self) -> u64 {
        *lock(&self.kept.requests)
    }

    /// The bodies it took, in the order they came: each an OTLP `ExportTraceServiceRequest`.
    pub fn bodies(&self) -> Vec<Vec<u8>> {
        lock(&self.kept.bodies).clone()
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

async fn take(State(kept): State<Arc<Kept>>, body: Bytes) -> Response {
    *lock(&kept.requests) += 1;
    let mood = *lock(&kept.mood);
    match mood {
        Mood::Fine => {
            lock(&kept.bodies).push(body.to_vec());
            // An empty `ExportTraceServiceResponse`.
            ([(header::CONTENT_TYPE, "application/x-protobuf")], Bytes::new()).into_response()
        }
        Mood::Hangs => std::future::pending().await,
        Mood::Refuses { status, retry_after_s } => {
            let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            (status, [(header::RETRY_AFTER, retry_after_s.to_string())]).into_response()
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Bytes of one request. A larger one is answered with 413.
const BODY_BYTES_MAX: usize = 4 << 20;
