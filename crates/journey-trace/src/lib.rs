//! The producer core of Journey, on the OpenTelemetry API alone.
//!
//! # Layout
//!
//! * [`JourneyCell`]: the business ids of one request or message. It sits in the OpenTelemetry `Context`, so an id
//!   learned late reaches every later span, stage, request and message;
//! * [`propagation`]: W3C `traceparent`, `tracestate` and `baggage` in and out, and the hosts they may go to;
//! * [`Carrier`]: the same as one string for a database column, for work that outlives the process;
//! * [`SpanGuard`]: an SDK span that ends when we say so, not when the last `Context` drops;
//! * [`stage()`]: one step of work on the journey, with outcome, progress and beats;
//! * [`lane`]: where stages report to, past every sampler and span processor;
//! * [`sampling`]: rules of head sampling, asked before a span is built;
//! * [`metrics`]: durations and numbers of requests and stages, once they are asked for;
//! * [`http`]: attribute keys, known methods and query redaction that the HTTP layers share.
//!
//! # What is emitted
//!
//! SDK spans through the global tracer, scope `journey`. Records of the journey lane (`journey.stage` and
//! `journey.process` in the registry) through [`lane::Lane::take_batch`]; who sends them is the facade's business.
//! No thread, no socket, no async runtime is started here.
//!
//! # Quick start
//!
//! ```
//! use journey_trace::{JourneyCell, Key, stage};
//!
//! fn accept() -> Result<(), std::fmt::Error> {
//!     stage("price_accept").key(Key::Order, "ORD-1").run_blocking(|stage| {
//!         stage.progress(0.5);
//!         let cell = JourneyCell::current().expect("a stage always has a cell");
//!         assert_eq!(cell.get(Key::Order).as_deref(), Some("ORD-1"));
//!         Ok(())
//!     })
//! }
//! # accept().unwrap();
//! ```

mod carrier;
mod cell;
pub mod http;
mod ids;
pub mod lane;
pub mod limits;
pub mod metrics;
pub mod propagation;
pub mod sampling;
mod slot;
pub mod span;
mod stage;

pub use journey_model::attribute;

pub use carrier::{Attach, Carrier, InvalidCarrier};
pub use cell::{
    CellCounters, CellHandle, ContextExt, JourneyCell, Key, scope, set_cart_id, set_facet, set_order_id,
    set_production_id, set_user_id,
};
pub use http::resends;
pub use propagation::{Trust, extract, inject, may_propagate_to};
pub use span::{SpanGuard, keep_trace};
pub use stage::{Stage, StageBuilder, StageHandle, stage};
