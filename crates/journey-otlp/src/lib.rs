//! OTLP bytes to [`SpanRecord`]s and back.
//!
//! * [`encode`]: a producer's records to the bytes of one `ExportTraceServiceRequest`;
//! * [`wire`]: those bytes to records that borrow from them, without building messages in between;
//! * [`answer`]: what an OTLP receiver answers, by HTTP or gRPC, written and read;
//! * [`json`]: the same for OTLP/JSON, one request per text.
//!
//! Reading never fails halfway in silence: broken framing is an error that names the place, and a span that is
//! broken in itself is handed over as a [`Reject`] with its reason while its neighbours go on.
//! No I/O, no compression, no OpenTelemetry SDK.
//!
//! ```
//! use journey_model::{Attribute, Resource, SpanId, SpanKind, SpanRecord, SpanStatus, TraceId};
//! use journey_otlp::{encode, wire};
//!
//! let span = SpanRecord {
//!     trace_id: TraceId::from_bytes([1; 16]).unwrap(),
//!     span_id: SpanId::from_bytes([2; 8]).unwrap(),
//!     parent_span_id: None,
//!     name: "stage order_create".into(),
//!     kind: SpanKind::Internal,
//!     start_ns: 1_000,
//!     end_ns: 2_000,
//!     flags: 1,
//!     trace_state: "".into(),
//!     attributes: vec![Attribute::new("order.id", "ORD-1")],
//!     links: vec![],
//!     status: SpanStatus::Unset,
//! };
//! let resource = Resource { attributes: vec![Attribute::new("service.name", "crm-api")] };
//! let mut request = encode::Request::new(&resource, "journey", "");
//! request.push(&span);
//! let bytes = request.finish();
//!
//! wire::walk(&bytes, |of, read| {
//!     assert_eq!(of.str("service.name"), Some("crm-api"));
//!     assert_eq!(read, Ok(&span));
//! })?;
//! # Ok::<(), wire::WireError>(())
//! ```

pub mod answer;
mod details;
pub mod encode;
pub mod json;
mod protobuf;
mod reject;
pub mod wire;

pub use details::{Details, Event, Scope};
#[doc(no_inline)]
pub use journey_model::SpanRecord;
pub use reject::Reject;
