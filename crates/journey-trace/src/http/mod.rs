//! What the HTTP server layer and the HTTP clients must say in the same words.
//!
//! Attribute keys, the table of known methods, the redaction of URLs, the number, the headers and the errors of an
//! attempt, and the attempt itself ([`ClientAttempt`]), after
//! [OpenTelemetry semantic conventions 1.44.0](https://opentelemetry.io/schemas/1.44.0). Nothing here knows a
//! request type or sends anything.

mod client;
mod error_class;
pub mod key;
mod method;
mod outgoing;
mod query;
mod recent;
mod resend;
mod template;
mod url;

pub use client::{ClientAttempt, ClientResponse, ClientTarget};
pub use error_class::{
    ERROR_BODY, ERROR_CONNECT, ERROR_DNS, ERROR_OTHER, ERROR_TIMEOUT, ERROR_TLS, error_class,
    is_handshake_error,
};
pub use method::{METHOD_OTHER, Method};
pub use outgoing::OutgoingHeaders;
pub use query::{REDACTED, redact_query};
pub use resend::{next_resend, resends, with_resends, without_resends};
pub use template::UrlTemplate;
pub use url::{UrlParts, redacted_url};
