//! In which words a collector is spoken to.

use super::Environment;
use super::signal::Signal;

/// `OTEL_EXPORTER_OTLP_PROTOCOL` and its siblings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protocol {
    /// `grpc`: a unary call over HTTP/2.
    Grpc,
    /// `http/protobuf`, the default. Any other value is warned about and has no effect.
    Http,
}

/// `OTEL_EXPORTER_OTLP_COMPRESSION` and its siblings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Compression {
    /// `gzip`.
    Gzip,
    /// `none`, the default: a collector is a neighbour. Any other value is warned about and has no effect.
    None,
}

impl Protocol {
    pub(super) fn read(signal: Signal, environment: &Environment) -> Self {
        match signal.variable("PROTOCOL", environment) {
            Some((_, name)) if name.eq_ignore_ascii_case("grpc") => Protocol::Grpc,
            _ => Protocol::Http,
        }
    }

    /// Default of the [OTLP exporter specification](https://opentelemetry.io/docs/specs/otel/protocol/exporter/).
    pub(super) fn default_endpoint(self) -> &'static str {
        match self {
            Protocol::Grpc => "http://localhost:4317",
            Protocol::Http => "http://localhost:4318",
        }
    }
}

impl Compression {
    pub(super) fn read(signal: Signal, environment: &Environment) -> Self {
        match signal.variable("COMPRESSION", environment) {
            Some((_, name)) if name.eq_ignore_ascii_case("gzip") => Compression::Gzip,
            _ => Compression::None,
        }
    }
}
