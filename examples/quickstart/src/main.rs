//! `quickstart`: the smallest service whose orders can be looked up.
//!
//! Three terminals, no broker and no database:
//!
//! ```sh
//! cargo run --package journey-analyzer -- run       # first terminal
//! cargo run --package quickstart                    # second terminal
//! curl -X POST http://127.0.0.1:8080/orders/ORD-1   # third terminal
//! cargo run --package journey-analyzer -- explain ORD-1
//! ```

use std::convert::Infallible;
use std::time::Duration;

use axum::Router;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::routing::post;
use journey::tower::JourneyLayer;
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    // The definition that ships with the analyzer expects `order_create` of a service of this name.
    let _journey = journey::init!("crm-api")?;
    let app = Router::new().route("/orders/{order}", post(create)).layer(JourneyLayer::new());
    let listener = TcpListener::bind("127.0.0.1:8080").await?;
    axum::serve(listener, app).with_graceful_shutdown(journey::shutdown_signal()).await?;
    Ok(())
}

/// Creates the order, in the stage that the journey definition calls `order_create`.
async fn create(Path(order): Path<String>) -> Result<StatusCode, Infallible> {
    journey::set_order_id(&order);
    journey::stage("order_create")
        .run(async |_| {
            tokio::time::sleep(Duration::from_millis(20)).await;
            Ok(StatusCode::CREATED)
        })
        .await
}
