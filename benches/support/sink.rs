//! A collector that takes everything and keeps nothing: a process of its own, so that its time is not the client's.

use std::env;
use std::io::{self, BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::StatusCode;
use axum::routing::post;

/// Where the process runs. It ends with this value, or when this process is gone.
pub(crate) struct Sink {
    process: Child,
    url: String,
}

impl Sink {
    /// Starts this program once more, as a collector.
    pub(crate) fn start() -> io::Result<Self> {
        let mut command = Command::new(env::current_exe()?);
        let mut process = command.arg(WORD).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let mut url = String::new();
        if let Some(said) = process.stdout.take() {
            BufReader::new(said).read_line(&mut url)?;
        }
        Ok(Self { process, url: url.trim_end().to_owned() })
    }

    /// Base URL.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        // An error means that it is gone already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The other process: serves until standard input ends, which it does with the process that started this one.
pub(crate) fn serve() -> io::Result<()> {
    let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
    listener.set_nonblocking(true)?;
    println!("http://{}", listener.local_addr()?);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    std::thread::spawn(|| {
        let _ = io::copy(&mut io::stdin(), &mut io::sink());
        std::process::exit(0);
    });
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::from_std(listener)?;
        let take = post(async |_: axum::body::Bytes| StatusCode::OK);
        let app = Router::new()
            .route("/v1/traces", take.clone())
            .route("/v1/metrics", take)
            .layer(DefaultBodyLimit::disable());
        axum::serve(listener, app).await
    })
}

/// The word on the command line that makes a bench a collector.
pub(crate) const WORD: &str = "sink";
