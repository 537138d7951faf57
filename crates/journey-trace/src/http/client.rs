//! One attempt of an HTTP client: its span and its metrics.

use std::borrow::Cow;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use opentelemetry::trace::{SpanKind, TraceContextExt};
use opentelemetry::{Context, KeyValue, StringValue, Value};

use crate::SpanGuard;
use crate::limits::{METHOD_BYTES_MAX, URL_BYTES_MAX};
use crate::metrics::{self, Active, ClientSeries};
use crate::sampling::Hint;
use crate::span::Described;

use super::{Method, UrlTemplate, key, next_resend, recent, without_resends};

/// What is known of a request before it is sent.
#[derive(Debug, Clone, Copy)]
pub struct ClientTarget<'a> {
    /// Method of the request.
    pub method: &'a str,
    /// Host, an IPv6 address without brackets. Without one the attempt is not measured.
    pub host: Option<&'a str>,
    /// Port, or the default one of the scheme.
    pub port: Option<u16>,
    /// Template of the path, if the caller gave one.
    pub template: Option<UrlTemplate>,
    /// How often the request was sent before, as far as the layer knows. A scope of [`super::resends`] counts instead.
    pub resends: u32,
}

/// What the head of a response tells.
#[derive(Debug, Clone, Copy)]
pub struct ClientResponse {
    /// Status code.
    pub status: u16,
    /// `1.0`, `1.1`, `2` or `3`.
    pub version: Option<&'static str>,
    /// The other end of the connection, if the client knows it.
    pub peer: Option<SocketAddr>,
}

/// A request on the wire: one CLIENT span, one active request, one sample of the duration.
///
/// It ends when it drops: with the last byte of the response's body if that holds it. Dropped earlier, by a caller who
/// gives up, it is no error. Span and sample have the same length, and the sample is taken also if the span is not
/// recorded.
///
/// ```
/// use journey_trace::http::{ClientAttempt, ClientResponse, ClientTarget};
/// use opentelemetry::Context;
///
/// let target =
///     ClientTarget { method: "GET", host: Some("crm-api"), port: Some(80), template: None, resends: 0 };
/// let mut attempt = ClientAttempt::start(&target, || "http://crm-api/orders/7".to_owned(), &Context::current());
/// // Sent inside `attempt.context()`, answered:
/// attempt.respond(ClientResponse { status: 200, version: Some("1.1"), peer: None });
/// ```
#[derive(Debug)]
#[must_use = "the attempt ends when this drops"]
pub struct ClientAttempt {
    guard: SpanGuard,
    // None: nothing is measured. In a box, because an attempt is moved a few times.
    sample: Option<Box<Sample>>,
    failed: bool,
    /// There is no span further out.
    is_root: bool,
}

impl ClientAttempt {
    /// Starts the span and counts the request as active. `url` is the redacted full URL; it is asked for only if the
    /// span may be recorded.
    pub fn start(target: &ClientTarget<'_>, url: impl FnOnce() -> String, parent: &Context) -> Self {
        match next_resend(parent) {
            // What is asked for inside of this attempt, such as a token, is no repeat of it.
            Some(resends) => Self::begin(&ClientTarget { resends, ..*target }, url, &without_resends(parent)),
            None => Self::begin(target, url, parent),
        }
    }

    fn begin(target: &ClientTarget<'_>, url: impl FnOnce() -> String, parent: &Context) -> Self {
        let method = Method::of(target.method);
        let sample = Sample::start(target, method);
        // Rules are about requests that come in; a trace that begins with a request of ours has the ratio only.
        let guard = SpanGuard::start_described(SpanKind::Client, &Hint::default(), parent, || Described {
            name: name(method, target.template),
            attributes: attributes(target, method, url()),
            links: Vec::new(),
        });
        Self { guard, sample, failed: false, is_root: !parent.span().span_context().is_valid() }
    }

    /// The `Context` that the request is sent in, and whose span it tells the callee.
    pub fn context(&self) -> &Context {
        self.guard.context()
    }

    /// Whether anything depends on how the request ends. If not, the response need not be watched.
    pub fn is_watched(&self) -> bool {
        self.sample.is_some() || self.guard.is_recording()
    }

    /// Whether the request has to be sent inside of [`ClientAttempt::context`]. If not, the `Context` that it is sent
    /// in anyway says the same, and nothing need be kept once the headers are written.
    pub fn is_needed(&self) -> bool {
        self.is_watched() || self.is_root
    }

    /// Notes the head of the response. A 4xx or 5xx is an error of the client.
    pub fn respond(&mut self, response: ClientResponse) {
        let ClientResponse { status, version, peer } = response;
        if let Some(sample) = &mut self.sample {
            sample.status = Some(status);
            sample.version = version;
        }
        if self.guard.is_recording() {
            self.guard.set_attribute(KeyValue::new(key::HTTP_RESPONSE_STATUS_CODE, i64::from(status)));
            if let Some(version) = version {
                self.guard.set_attribute(KeyValue::new(key::NETWORK_PROTOCOL_VERSION, version));
            }
            if let Some(peer) = peer {
                self.guard.set_attribute(KeyValue::new(key::NETWORK_PEER_ADDRESS, peer.ip().to_string()));
                self.guard.set_attribute(KeyValue::new(key::NETWORK_PEER_PORT, i64::from(peer.port())));
            }
        }
        if status >= 400 {
            self.fail(status.to_string());
        }
    }

    /// Marks the attempt as failed, once: the status code of the head stands against a later body error.
    pub fn fail(&mut self, error_type: impl Into<Cow<'static, str>>) {
        if std::mem::replace(&mut self.failed, true) {
            return;
        }
        let error_type = error_type.into();
        if let Some(sample) = &mut self.sample {
            sample.error_type = Some(error_type.clone());
        }
        // No description: the word or the status code says it already.
        self.guard.fail(error_type, "");
    }
}

impl Drop for ClientAttempt {
    fn drop(&mut self) {
        if let Some(sample) = self.sample.take() {
            let duration = self.guard.elapsed();
            self.guard.set_duration(duration);
            sample.end(duration);
        }
    }
}

/// What the metrics still have to learn.
#[derive(Debug)]
struct Sample {
    method: &'static str,
    host: Arc<str>,
    port: u16,
    template: Option<UrlTemplate>,
    version: Option<&'static str>,
    status: Option<u16>,
    error_type: Option<Cow<'static, str>>,
    _active: Active,
}

impl Sample {
    /// `None` while nothing is measured, and for a request to nobody knows where.
    fn start(target: &ClientTarget<'_>, method: Method) -> Option<Box<Self>> {
        if !metrics::is_installed() {
            return None;
        }
        let (host, port) = (target.host?, target.port?);
        let method = method.attribute();
        let host = recent::shared(host);
        let active = metrics::client_request(method, &host, port)?;
        Some(Box::new(Self {
            method,
            host,
            port,
            template: target.template,
            version: None,
            status: None,
            error_type: None,
            _active: active,
        }))
    }

    fn end(&self, duration: Duration) {
        let series = ClientSeries {
            method: self.method,
            server_address: &self.host,
            server_port: self.port,
            version: self.version,
            template: self.template.map(|UrlTemplate(template)| template),
            status: self.status,
            error_type: self.error_type.as_deref(),
        };
        metrics::client_duration(&series, duration);
    }
}

fn name(method: Method, template: Option<UrlTemplate>) -> Cow<'static, str> {
    let method = method.span_name();
    match template {
        Some(UrlTemplate(template)) => [method, " ", template].concat().into(),
        None => method.into(),
    }
}

/// All that the request itself tells, with room for what the response does. A sampler sees no later ones.
fn attributes(target: &ClientTarget<'_>, method: Method, mut url: String) -> Vec<KeyValue> {
    let mut attributes = Vec::with_capacity(ATTRIBUTES_MAX);
    let mut put = |key: &'static str, value: Value| attributes.push(KeyValue::new(key, value));
    put(key::HTTP_REQUEST_METHOD, method.attribute().into());
    if method == Method::Other {
        let original = &target.method[..target.method.floor_char_boundary(METHOD_BYTES_MAX)];
        put(key::HTTP_REQUEST_METHOD_ORIGINAL, original.to_owned().into());
    }
    url.truncate(url.floor_char_boundary(URL_BYTES_MAX));
    put(key::URL_FULL, url.into());
    if let Some(host) = target.host {
        put(key::SERVER_ADDRESS, StringValue::from(recent::shared(host)).into());
    }
    if let Some(port) = target.port {
        put(key::SERVER_PORT, i64::from(port).into());
    }
    if let Some(UrlTemplate(template)) = target.template {
        put(key::URL_TEMPLATE, template.into());
    }
    if target.resends > 0 {
        put(key::HTTP_REQUEST_RESEND_COUNT, i64::from(target.resends).into());
    }
    attributes
}

/// Most attributes of one client span: 7 of the request, 5 of the response, 5 of the journey.
const ATTRIBUTES_MAX: usize = 17;
