//! One place that OTLP requests go to, and how.

use std::fmt;
use std::time::Duration;

use reqwest::Url;
use reqwest::header::{HeaderMap, HeaderName};

use crate::init::InitError;

use super::protocol::{Compression, Protocol};
use super::signal::{Signal, general_variable};
use super::tls::Tls;
use super::{Environment, Wishes, headers, url};

/// One OTLP endpoint.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Endpoint {
    /// Of the request itself, path included.
    pub(crate) url: Url,
    /// May hold secrets, so they are never printed.
    pub(crate) headers: HeaderMap,
    pub(crate) protocol: Protocol,
    pub(crate) compression: Compression,
    /// Time for one request.
    pub(crate) timeout: Duration,
    pub(crate) tls: Tls,
}

/// The endpoint of a signal: its own variables, else the general ones, else the builder's, else the default.
pub(super) fn read(
    signal: Signal,
    environment: &Environment,
    wishes: &Wishes,
) -> Result<Endpoint, InitError> {
    let protocol = Protocol::read(signal, environment);
    let (variable, url) = signal_url(signal, protocol, environment, wishes)?;
    let tls = Tls::read(signal, environment, &variable, &url)?;
    Ok(Endpoint {
        url,
        headers: headers::read(signal, environment)?,
        protocol,
        compression: Compression::read(signal, environment),
        timeout: timeout(signal, environment)?,
        tls,
    })
}

/// The lane's own endpoint, else that of the traces.
///
/// An own one is spoken to by HTTP, which is what relay and analyzer take. Headers and client certificate, which may
/// be secrets, stay with the host they are for.
pub(super) fn read_lane(
    environment: &Environment,
    wishes: &Wishes,
    traces: &Endpoint,
) -> Result<Endpoint, InitError> {
    let (variable, base) = match (environment.get(LANE_ENDPOINT), &wishes.lane_endpoint) {
        (Some(base), _) => (LANE_ENDPOINT, base),
        (None, Some(base)) => ("lane_endpoint", base.as_str()),
        (None, None) => return Ok(traces.clone()),
    };
    let url = url::below(variable, base, Signal::Traces.http_path())?;
    let own = Endpoint {
        url,
        protocol: Protocol::Http,
        headers: HeaderMap::new(),
        compression: Compression::None,
        timeout: traces.timeout,
        tls: Tls::default(),
    };
    if own.url.origin() == traces.url.origin() {
        return Ok(Endpoint { url: own.url, protocol: own.protocol, ..traces.clone() });
    }
    Ok(Endpoint { tls: Tls::of_stranger(environment, variable, &own.url)?, ..own })
}

/// The variable for the signal as it stands, else the general one with the signal's path appended. For gRPC the path
/// is that of the call in both cases.
fn signal_url(
    signal: Signal,
    protocol: Protocol,
    environment: &Environment,
    wishes: &Wishes,
) -> Result<(String, Url), InitError> {
    let (variable, base) = base(signal, protocol, environment, wishes);
    if protocol == Protocol::Http && variable == signal.own_variable(ENDPOINT) {
        let url = url::parse(&variable, base)?;
        return Ok((variable, url));
    }
    let url = match protocol {
        Protocol::Grpc => {
            let base = url::with_scheme(base, is_insecure(signal, environment));
            url::below(&variable, &base, signal.grpc_path())?
        }
        Protocol::Http => url::below(&variable, base, signal.http_path())?,
    };
    Ok((variable, url))
}

/// The text that the URL is made of, and where it comes from.
fn base<'a>(
    signal: Signal,
    protocol: Protocol,
    environment: &'a Environment,
    wishes: &'a Wishes,
) -> (String, &'a str) {
    match (signal.variable(ENDPOINT, environment), &wishes.endpoint) {
        (Some(found), _) => found,
        (None, Some(base)) => ("endpoint".to_owned(), base),
        (None, None) => (general_variable(ENDPOINT), protocol.default_endpoint()),
    }
}

/// Whether `OTEL_EXPORTER_OTLP_INSECURE` matters.
pub(super) fn lacks_scheme(signal: Signal, environment: &Environment, wishes: &Wishes) -> bool {
    let protocol = Protocol::read(signal, environment);
    protocol == Protocol::Grpc && !base(signal, protocol, environment, wishes).1.contains("://")
}

/// `OTEL_EXPORTER_OTLP_INSECURE`: what a gRPC endpoint without a scheme means.
fn is_insecure(signal: Signal, environment: &Environment) -> bool {
    signal.variable("INSECURE", environment).is_some_and(|(_, value)| value.eq_ignore_ascii_case("true"))
}

/// Milliseconds.
fn timeout(signal: Signal, environment: &Environment) -> Result<Duration, InitError> {
    let Some((variable, text)) = signal.variable("TIMEOUT", environment) else { return Ok(DEFAULT_TIMEOUT) };
    let millis = text.parse().ok().filter(|millis| (1..=TIMEOUT_MS_MAX).contains(millis));
    let millis = millis.ok_or_else(|| InitError::value(&variable, text, "milliseconds, from 1 to 600000"))?;
    Ok(Duration::from_millis(millis))
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let compression = match self.compression {
            Compression::Gzip => ", gzip",
            Compression::None => "",
        };
        match self.protocol {
            Protocol::Grpc => {
                let mut url = url::redacted(&self.url);
                url.set_path("");
                write!(f, "{} (grpc{compression})", url.as_str().trim_end_matches('/'))
            }
            Protocol::Http => write!(f, "{} (http/protobuf{compression})", url::redacted(&self.url)),
        }
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let headers: Vec<&str> = self.headers.keys().map(HeaderName::as_str).collect();
        f.debug_struct("Endpoint").field("at", &self.to_string()).field("headers", &headers).finish()
    }
}

pub(super) const LANE_ENDPOINT: &str = "JOURNEY_LANE_ENDPOINT";

const ENDPOINT: &str = "ENDPOINT";

/// Default of the [OTLP exporter specification](https://opentelemetry.io/docs/specs/otel/protocol/exporter/).
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(10);
const TIMEOUT_MS_MAX: u64 = 600_000;
