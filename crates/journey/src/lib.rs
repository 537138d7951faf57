//! Order-journey tracing for a backend service: one dependency, one line in `main`.
//!
//! # Layout
//!
//! * [`init!`] and [`builder()`]: tracing, the journey lane and their export, until the [`Guard`] drops;
//! * [`stage()`]: one step of work on the journey;
//! * [`set_order_id`] and its siblings: what the service learns of the order, wherever it learns it;
//! * [`scope`]: work on one of several orders; [`Carrier`]: work that outlives the process;
//! * [`spawn`], [`spawn_blocking`]: tasks that stay on the journey; [`shutdown_signal`], [`Tasks`]: the end of the
//!   service;
//! * `journey::tower`, `journey::reqwest`, `journey::sqlx`, `journey::lapin`: the hops, each behind a feature;
//! * [`opentelemetry`]: the one version that everything here uses.
//!
//! # What is emitted
//!
//! Ordinary spans, head-sampled (`parentbased_always_on` by default), and the journey lane, never sampled: start,
//! end and beats of stages, and a sign of life of the process. Both go as OTLP over HTTP to
//! `OTEL_EXPORTER_OTLP_ENDPOINT`, the lane to `JOURNEY_LANE_ENDPOINT` if that is set, from a thread of their own.
//! While no collector answers they wait in bounded queues; nothing of it can fail or delay a request.
//!
//! # Quick start
//!
//! ```
//! use journey::{Key, stage};
//!
//! # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
//! // In `main`: let _journey = journey::init!("crm-api")?;
//! # let _journey = journey::builder("crm-api").environment([("OTEL_SDK_DISABLED", "true")]).init().unwrap();
//! let order_id = stage("order_create")
//!     .key(Key::Cart, "c-8f2b")
//!     .run(async |_| {
//!         let order_id = "ORD-000123";
//!         journey::set_order_id(order_id);
//!         Ok::<_, std::io::Error>(order_id)
//!     })
//!     .await?;
//! assert_eq!(order_id, "ORD-000123");
//! # Ok::<(), std::io::Error>(())
//! # }).unwrap();
//! ```
//!
//! # Customization
//!
//! The environment has the last word:
//!
//! | variable | meaning |
//! |---|---|
//! | `OTEL_SERVICE_NAME`, `OTEL_RESOURCE_ATTRIBUTES` | who sends |
//! | `OTEL_EXPORTER_OTLP_ENDPOINT`, `OTEL_EXPORTER_OTLP_TRACES_ENDPOINT` | where to, default `http://localhost:4318` |
//! | `OTEL_EXPORTER_OTLP_HEADERS`, `OTEL_EXPORTER_OTLP_TRACES_HEADERS` | with which headers |
//! | `OTEL_EXPORTER_OTLP_TIMEOUT`, `OTEL_EXPORTER_OTLP_TRACES_TIMEOUT` | milliseconds per request, default 10000 |
//! | `OTEL_TRACES_SAMPLER`, `OTEL_TRACES_SAMPLER_ARG` | head sampling, default `parentbased_always_on` |
//! | `OTEL_TRACES_EXPORTER` | `none`: no spans, only the lane |
//! | `OTEL_SDK_DISABLED` | `true`: nothing is sent, context and ids travel on |
//! | `JOURNEY_LANE_ENDPOINT` | where the lane goes, default where the spans go |
//! | `JOURNEY_BEAT_INTERVAL` | beats, 100ms to 1h, default 15s; process signals too, but at least every 15s |
//! | `JOURNEY_PROPAGATE_TO` | further hosts that may know our ids, such as `api.example.com,*.example.org` |
//! | `RUST_LOG` | console log, default `info`, if the service sets up none itself |
//!
//! Any other `OTEL_*` variable that is set is warned about by name.
//!
//! # Features
//!
//! None is on by default: `tower`, `reqwest`, `sqlx`, `lapin`, one per kind of hop. A collector is taken for a
//! neighbour, so TLS is not built in: for `https://`, a service adds `reqwest` 0.13 with its feature `rustls`.

mod config;
mod export;
mod init;
pub mod limits;
mod log;
mod processor;
mod task;
mod tasks;

pub use journey_trace::{
    Attach, Carrier, ContextExt, InvalidCarrier, JourneyCell, Key, SpanGuard, Stage, StageBuilder,
    StageHandle, Trust, extract, inject, lane, may_propagate_to, propagation, scope, set_cart_id, set_facet,
    set_order_id, set_production_id, set_user_id, stage,
};
pub use opentelemetry;

#[cfg(feature = "lapin")]
pub use journey_lapin as lapin;
#[cfg(feature = "reqwest")]
pub use journey_reqwest as reqwest;
#[cfg(feature = "sqlx")]
pub use journey_sqlx as sqlx;
#[cfg(feature = "tower")]
pub use journey_tower as tower;

pub use export::ExportReport;
pub use init::{Builder, Guard, InitError, builder};
pub use task::{shutdown_signal, spawn, spawn_blocking};
pub use tasks::{Stop, Tasks};

/// The examples of the project's README compile.
#[cfg(all(doctest, feature = "lapin", feature = "reqwest", feature = "sqlx", feature = "tower"))]
#[doc = include_str!("../../../README.md")]
struct ReadmeDoctests;
