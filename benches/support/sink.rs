//! A collector that takes everything and keeps nothing.

use std::io;
use std::thread;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::StatusCode;
use axum::routing::post;

/// Starts it in a thread of its own, for as long as the process lives; gives its base URL.
pub(crate) fn start() -> io::Result<String> {
    let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
    listener.set_nonblocking(true)?;
    let url = format!("http://{}", listener.local_addr()?);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    thread::Builder::new().name("sink".into()).spawn(move || {
        runtime.block_on(async {
            let listener = tokio::net::TcpListener::from_std(listener)?;
            let take = post(async |_: axum::body::Bytes| StatusCode::OK);
            let app = Router::new()
                .route("/v1/traces", take.clone())
                .route("/v1/metrics", take)
                .layer(DefaultBodyLimit::disable());
            axum::serve(listener, app).await
        })
    })?;
    Ok(url)
}
