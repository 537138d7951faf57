//! Where signals go, and how.

use std::fmt;
use std::time::Duration;

use percent_encoding::percent_decode_str;
use reqwest::Url;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};

use crate::init::InitError;

use super::{Environment, Wishes};

/// Where spans and the journey lane go.
#[derive(Debug, Clone)]
pub(crate) struct Destinations {
    /// `None` with `OTEL_TRACES_EXPORTER=none`: spans still propagate.
    pub(crate) traces: Option<Endpoint>,
    pub(crate) lane: Endpoint,
    /// Time for one request.
    pub(crate) timeout: Duration,
}

impl Destinations {
    /// Whether the sampled stages are missing where the spans go, unless they are sent there too.
    pub(crate) fn are_apart(&self) -> bool {
        self.traces.as_ref().is_some_and(|traces| traces.url != self.lane.url)
    }
}

/// One OTLP/HTTP endpoint.
#[derive(Clone)]
pub(crate) struct Endpoint {
    pub(crate) url: Url,
    /// May hold secrets, so it is never printed.
    pub(crate) headers: HeaderMap,
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut url = self.url.clone();
        if url.password().is_some() || !url.username().is_empty() {
            // Both fail only for URLs without a host, which `http` and `https` have.
            let _ = url.set_username("REDACTED");
            let _ = url.set_password(None);
        }
        url.set_query(None);
        f.write_str(url.as_str())
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let headers: Vec<&str> = self.headers.keys().map(HeaderName::as_str).collect();
        f.debug_struct("Endpoint").field("url", &self.to_string()).field("headers", &headers).finish()
    }
}

pub(super) fn read(environment: &Environment, wishes: &Wishes) -> Result<Destinations, InitError> {
    let traces = Endpoint { url: traces_url(environment, wishes)?, headers: headers(environment)? };
    let lane = lane(environment, wishes, &traces)?;
    // Any other exporter is warned about and has no effect.
    let is_off =
        environment.get("OTEL_TRACES_EXPORTER").is_some_and(|name| name.eq_ignore_ascii_case("none"));
    Ok(Destinations { traces: (!is_off).then_some(traces), lane, timeout: timeout(environment)? })
}

/// The variable for traces as it stands, else the general one with `/v1/traces` appended.
fn traces_url(environment: &Environment, wishes: &Wishes) -> Result<Url, InitError> {
    if let Some(url) = environment.get(TRACES_ENDPOINT) {
        return parse(TRACES_ENDPOINT, url);
    }
    match (environment.get(ENDPOINT), &wishes.endpoint) {
        (Some(base), _) => with_path(ENDPOINT, base),
        (None, Some(base)) => with_path("endpoint", base),
        (None, None) => with_path(ENDPOINT, DEFAULT_ENDPOINT),
    }
}

/// The lane's own endpoint, else that of the traces. Headers, which may be secrets, stay with the host they are for.
fn lane(environment: &Environment, wishes: &Wishes, traces: &Endpoint) -> Result<Endpoint, InitError> {
    let url = match (environment.get(LANE_ENDPOINT), &wishes.lane_endpoint) {
        (Some(base), _) => with_path(LANE_ENDPOINT, base)?,
        (None, Some(base)) => with_path("lane_endpoint", base)?,
        (None, None) => return Ok(traces.clone()),
    };
    let same_host = url.origin() == traces.url.origin();
    Ok(Endpoint { url, headers: if same_host { traces.headers.clone() } else { HeaderMap::new() } })
}

fn with_path(name: &str, base: &str) -> Result<Url, InitError> {
    let mut url = parse(name, base)?;
    let path = format!("{}/v1/traces", url.path().trim_end_matches('/'));
    url.set_path(&path);
    Ok(url)
}

fn parse(name: &str, text: &str) -> Result<Url, InitError> {
    let url = Url::parse(text).ok().filter(|url| url.has_host() && matches!(url.scheme(), "http" | "https"));
    url.ok_or_else(|| InitError::value(name, text, "a URL such as http://localhost:4318"))
}

/// `OTEL_EXPORTER_OTLP_HEADERS`, and over it those for traces: `name=value` with commas between, percent-encoded.
fn headers(environment: &Environment) -> Result<HeaderMap, InitError> {
    let mut headers = HeaderMap::new();
    for variable in ["OTEL_EXPORTER_OTLP_HEADERS", "OTEL_EXPORTER_OTLP_TRACES_HEADERS"] {
        let members = environment.get(variable).unwrap_or_default().split(',').map(str::trim);
        for member in members.filter(|member| !member.is_empty()) {
            // The value is not shown: it may be a secret.
            let (name, value) = header(member).ok_or_else(|| {
                InitError::value(variable, "(not shown)", "a list of name=value with commas between")
            })?;
            headers.insert(name, value);
        }
    }
    Ok(headers)
}

fn header(member: &str) -> Option<(HeaderName, HeaderValue)> {
    let (name, value) = member.split_once('=')?;
    let value = percent_decode_str(value.trim()).decode_utf8().ok()?;
    let mut value = HeaderValue::from_str(&value).ok()?;
    value.set_sensitive(true);
    Some((name.trim().parse().ok()?, value))
}

/// Milliseconds; the variable for traces wins.
fn timeout(environment: &Environment) -> Result<Duration, InitError> {
    for variable in ["OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "OTEL_EXPORTER_OTLP_TIMEOUT"] {
        if let Some(text) = environment.get(variable) {
            let millis = text.parse().ok().filter(|millis| (1..=TIMEOUT_MS_MAX).contains(millis));
            let millis =
                millis.ok_or_else(|| InitError::value(variable, text, "milliseconds, from 1 to 600000"))?;
            return Ok(Duration::from_millis(millis));
        }
    }
    Ok(DEFAULT_TIMEOUT)
}

const ENDPOINT: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";
const TRACES_ENDPOINT: &str = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT";
const LANE_ENDPOINT: &str = "JOURNEY_LANE_ENDPOINT";

/// Defaults of the [OTLP exporter specification](https://opentelemetry.io/docs/specs/otel/protocol/exporter/).
const DEFAULT_ENDPOINT: &str = "http://localhost:4318";
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(10);
const TIMEOUT_MS_MAX: u64 = 600_000;
