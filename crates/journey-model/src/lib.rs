//! The words both ends of Journey share.
//!
//! A producer (the SDK crates) and a reader (analyzer, bridge) agree on four things, and each is written here once:
//!
//! * [`attribute`]: the attribute keys, as declared in `registry/`;
//! * [`TraceId`], [`SpanId`] and the business ids ([`OrderId`] and its siblings);
//! * [`Signal`], [`ProcessState`], [`StageOutcome`]: the closed lists of values;
//! * [`SpanRecord`]: one span of the journey lane, borrowed from wherever it came;
//! * [`stream`]: the RabbitMQ objects the lane passes through.
//!
//! This crate does no I/O and knows no clock, runtime or OpenTelemetry SDK.
//!
//! ```
//! use journey_model::{OrderId, Signal, attribute};
//!
//! let order = OrderId::new("ORD-000123")?;
//! assert_eq!(order.as_str(), "ORD-000123");
//! assert_eq!(attribute::ORDER_ID, "order.id");
//! assert_eq!(Signal::parse("beat"), Some(Signal::Beat));
//! # Ok::<(), journey_model::InvalidId>(())
//! ```

pub mod attribute;
mod business_id;
mod record;
mod signal;
pub mod stream;
mod trace_id;

pub use business_id::{
    BUSINESS_ID_BYTES_MAX, CartId, InvalidId, OrderId, ProductionId, UserId, check_business_id,
};
pub use record::{Attribute, Link, Resource, SpanKind, SpanRecord, SpanStatus, Value};
pub use signal::{ProcessState, Signal, StageOutcome};
pub use trace_id::{InvalidHex, SpanId, TraceId};
