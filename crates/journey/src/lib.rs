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
//! * [`log`]: log lines that name trace and order, as text or JSON, in whatever subscriber the service has;
//! * `journey::bridge()`: users' own spans of `tracing` on the journey; behind the feature `bridge`;
//! * `journey::testing`: what a piece of code tells of itself, as values and as a snapshot; behind the feature
//!   `testing`;
//! * [`metrics`]: the metrics of the hops, for a service that sets up its own;
//! * [`opentelemetry`]: the one version that everything here uses.
//!
//! # What is emitted
//!
//! Ordinary spans, head-sampled (`parentbased_always_on` by default), and the journey lane, never sampled: start,
//! end and beats of stages, and a sign of life of the process. Both go as OTLP over HTTP or gRPC to
//! `OTEL_EXPORTER_OTLP_ENDPOINT`, the lane to `JOURNEY_LANE_ENDPOINT` if that is set, from a thread of their own.
//! With `OTEL_METRICS_EXPORTER=otlp` also metrics: those of the hops, how the export itself is doing (`otel.sdk.*`), and
//! whatever the service makes of the global meter provider.
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
//! | `OTEL_SERVICE_NAME`, `OTEL_RESOURCE_ATTRIBUTES` | who sends; over what is found out (host, container, pod) |
//! | `OTEL_EXPORTER_OTLP_ENDPOINT` ¹ | where to, default `http://localhost:4318`, with gRPC `:4317` |
//! | `OTEL_EXPORTER_OTLP_PROTOCOL` ¹ | `http/protobuf` (default) or `grpc` |
//! | `OTEL_EXPORTER_OTLP_HEADERS` ¹ | with which headers |
//! | `OTEL_EXPORTER_OTLP_TIMEOUT` ¹ | milliseconds per request, default 10000 |
//! | `OTEL_EXPORTER_OTLP_COMPRESSION` ¹ | `gzip` or `none` (default) |
//! | `OTEL_EXPORTER_OTLP_INSECURE` ¹ | `true`: a gRPC endpoint without a scheme is `http://` |
//! | `OTEL_EXPORTER_OTLP_CERTIFICATE` ¹ | file with whom to trust behind `https://`, instead of the system's authorities |
//! | `OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE`, `…_CLIENT_KEY` ¹ | files with who we are behind `https://` |
//! | `OTEL_PROPAGATORS` | `tracecontext,baggage` (default), one of them, or `none` |
//! | `OTEL_BSP_SCHEDULE_DELAY`, `…_MAX_QUEUE_SIZE`, `…_MAX_EXPORT_BATCH_SIZE` | how spans wait: 1000 ms, 8192, 512 |
//! | `OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT` ², `OTEL_ATTRIBUTE_COUNT_LIMIT` ² | size of a span: no limit, 128 |
//! | `OTEL_SPAN_EVENT_COUNT_LIMIT`, `OTEL_SPAN_LINK_COUNT_LIMIT` | the same, 128 each |
//! | `OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT`, `OTEL_LINK_ATTRIBUTE_COUNT_LIMIT` | the same, 128 each |
//! | `OTEL_TRACES_SAMPLER`, `OTEL_TRACES_SAMPLER_ARG` | head sampling, default `parentbased_always_on` |
//! | `OTEL_TRACES_EXPORTER` | `none`: no spans, only the lane |
//! | `OTEL_METRICS_EXPORTER` | `otlp`: metrics too, every `OTEL_METRIC_EXPORT_INTERVAL` ms (60000); default `none` |
//! | `OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE` | `cumulative` (default), `delta` or `lowmemory` |
//! | `OTEL_INSTRUMENTATION_HTTP_KNOWN_METHODS` | methods that name spans of requests; others are `_OTHER` |
//! | `OTEL_SEMCONV_STABILITY_OPT_IN` | `http`, `database`: what is emitted anyway |
//! | `OTEL_SDK_DISABLED` | `true`: nothing is sent, context and ids travel on |
//! | `JOURNEY_LANE_ENDPOINT` | where the lane goes, by HTTP, default where and how the spans go |
//! | `JOURNEY_SAMPLE` | rules before the sampler, such as `GET /orders/{id}=0.1, POST *=1` ([`Builder::sample`]) |
//! | `JOURNEY_BEAT_INTERVAL` | beats, 100ms to 1h, default 15s; process signals too, but at least every 15s |
//! | `JOURNEY_PROPAGATE_TO` | further hosts that may know our ids, such as `api.example.com,*.example.org`, no URLs |
//! | `JOURNEY_LOG_FORMAT` | `text` (default) or `json`: one object per line with flat keys `trace_id`, `order.id` … |
//! | `JOURNEY_TRACE_FILTER` | which spans of `tracing` the bridge takes, default `info`, whatever `RUST_LOG` says |
//! | `JOURNEY_CONSOLE` | `1`: each trace as a tree on the error output; nothing is sent without an endpoint |
//! | `RUST_LOG` | console log, default `info`, if the service sets up none itself |
//!
//! ¹ Also for one signal: `OTEL_EXPORTER_OTLP_TRACES_…` is for spans and lane, `OTEL_EXPORTER_OTLP_METRICS_…` for
//! metrics. ² Also as `OTEL_SPAN_ATTRIBUTE_…`.
//!
//! Any other `OTEL_*` or `JOURNEY_*` variable that is set is warned about by name, and so is one that lacks something
//! else; those of the project's other programs and those that Kubernetes sets for each Service are not. A value that
//! makes no sense is an error of [`Builder::init`], with `OTEL_SDK_DISABLED=true` a warning.
//!
//! # Export
//!
//! Requests are made by a client and a runtime of our own, on a thread of our own. The exporters of `opentelemetry-otlp`
//! are not used, so it does not matter which of its features another crate switches on: `reqwest-client`, for one, lets
//! its batch thread die at the first export. Nor does it matter for the shutdown in which runtime the guard drops.
//!
//! # Features
//!
//! None is on by default: `tower`, `reqwest`, `sqlx`, `lapin`, one per kind of hop; `bridge` for spans of `tracing`,
//! which init then adds to the log that it sets up; `testing` for tests, as a dev-dependency. A collector is taken for a
//! neighbour, so TLS is not built in: `tls` is for `https://`, and without it such an endpoint is an error of init.

#[cfg(feature = "bridge")]
mod bridge;
mod config;
mod console;
mod export;
mod ids;
mod init;
pub mod limits;
pub mod log;
mod probe;
mod processor;
mod task;
mod tasks;
#[cfg(feature = "testing")]
pub mod testing;

pub use journey_trace::{
    Attach, Carrier, ContextExt, InvalidCarrier, JourneyCell, Key, SpanGuard, Stage, StageBuilder,
    StageHandle, Trust, extract, inject, keep_trace, lane, may_propagate_to, metrics, propagation, resends,
    scope, set_cart_id, set_facet, set_order_id, set_production_id, set_user_id, stage,
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
#[cfg(feature = "bridge")]
pub use tracing_opentelemetry;

#[cfg(feature = "bridge")]
pub use bridge::bridge;
pub use export::ExportReport;
#[doc(hidden)]
pub use export::batch_encoder;
pub use init::{Builder, Guard, InitError, builder};
pub use task::{shutdown_signal, spawn, spawn_blocking};
pub use tasks::{Stop, Tasks};

/// The examples of the project's README compile.
#[cfg(all(doctest, feature = "lapin", feature = "reqwest", feature = "sqlx", feature = "tower"))]
#[doc = include_str!("../../../README.md")]
struct ReadmeDoctests;

/// And so do those of the page for axum services.
#[cfg(all(doctest, feature = "tower"))]
#[doc = include_str!("../../../docs/axum.md")]
struct AxumDoctests;
