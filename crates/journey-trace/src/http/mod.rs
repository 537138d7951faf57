//! What the HTTP server layer and the HTTP clients must say in the same words.
//!
//! Attribute keys, the table of known methods and the redaction of query strings, after
//! [OpenTelemetry semantic conventions 1.44.0](https://opentelemetry.io/schemas/1.44.0). Nothing here knows a
//! request type, reads a header or starts a span.

pub mod key;
mod method;
mod query;

pub use method::{METHOD_OTHER, Method};
pub use query::{REDACTED, redact_query};
