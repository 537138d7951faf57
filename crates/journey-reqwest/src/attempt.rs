//! One attempt: a request on the wire, its span, and what became of it.

use std::borrow::Cow;

use http::Extensions;
use journey_trace::SpanGuard;
use journey_trace::http::key;
use opentelemetry::context::FutureExt as _;
use opentelemetry::trace::{SpanKind, TraceContextExt as _};
use opentelemetry::{Context, KeyValue};
use reqwest::{Request, Response, Version};
use reqwest_middleware::{Next, Result};

use crate::body;
use crate::error_class;
use crate::headers;
use crate::target::Target;
use crate::template::UrlTemplate;

/// Sends the request once. Dropped before the response, the span ends without an error: the caller gave up.
pub(crate) async fn send(
    mut request: Request,
    extensions: &mut Extensions,
    next: Next<'_>,
) -> Result<Response> {
    let parent = Context::current();
    if parent.is_telemetry_suppressed() {
        return next.run(request, extensions).await;
    }
    let mut attempt = Attempt::start(&request, extensions, &parent);
    headers::propagate(attempt.guard.context(), &mut request);
    let result = next.run(request, extensions).with_context(attempt.guard.context().clone()).await;
    match result {
        Ok(response) => Ok(attempt.respond(response)),
        Err(error) => {
            attempt.fail(error_class::of_attempt(&error));
            Err(error)
        }
    }
}

/// The client span of one attempt.
pub(crate) struct Attempt {
    guard: SpanGuard,
    failed: bool,
}

impl Attempt {
    fn start(request: &Request, extensions: &mut Extensions, parent: &Context) -> Self {
        let resends = Sent::count(extensions);
        let template = extensions.get::<UrlTemplate>().copied();
        let deferred = is_unsampled(parent);
        let target = if deferred { Target::bare(request) } else { Target::of(request, template, resends) };
        let guard = SpanGuard::start(target.name, SpanKind::Client, target.attributes, Vec::new(), parent);
        if deferred && guard.is_recording() {
            // The sampler is not parent based and wants the request in spite of its parent.
            let target = Target::of(request, template, resends);
            guard.update_name(target.name);
            target.attributes.into_iter().for_each(|attribute| guard.set_attribute(attribute));
        }
        Self { guard, failed: false }
    }

    /// Notes the head of the response; the span goes on with its body.
    fn respond(mut self, response: Response) -> Response {
        if !self.guard.is_recording() {
            return response;
        }
        let put = |key: &'static str, value: i64| self.guard.set_attribute(KeyValue::new(key, value));
        put(key::HTTP_RESPONSE_STATUS_CODE, i64::from(response.status().as_u16()));
        if let Some(peer) = response.remote_addr() {
            self.guard.set_attribute(KeyValue::new(key::NETWORK_PEER_ADDRESS, peer.ip().to_string()));
            put(key::NETWORK_PEER_PORT, i64::from(peer.port()));
        }
        if let Some(version) = protocol_version(response.version()) {
            self.guard.set_attribute(KeyValue::new(key::NETWORK_PROTOCOL_VERSION, version));
        }
        if response.status().is_client_error() || response.status().is_server_error() {
            self.fail(response.status().as_str().to_owned());
        }
        body::guarded(response, self)
    }

    /// Marks the span as failed, once: the status code of the head stands against a later body error.
    pub(crate) fn fail(&mut self, error_type: impl Into<Cow<'static, str>>) {
        if !std::mem::replace(&mut self.failed, true) {
            self.guard.fail(error_type, "");
        }
    }
}

/// How often the request was sent already; lives in the extensions, which the attempts of one request share.
#[derive(Debug, Clone, Copy)]
struct Sent(u32);

impl Sent {
    /// The number of this attempt, from 0.
    fn count(extensions: &mut Extensions) -> u32 {
        let before = extensions.get::<Self>().map_or(0, |sent| sent.0);
        extensions.insert(Self(before.saturating_add(1)));
        before
    }
}

fn is_unsampled(parent: &Context) -> bool {
    let span = parent.span();
    let span = span.span_context();
    span.is_valid() && !span.is_sampled()
}

fn protocol_version(version: Version) -> Option<&'static str> {
    Some(match version {
        Version::HTTP_10 => "1.0",
        Version::HTTP_11 => "1.1",
        Version::HTTP_2 => "2",
        Version::HTTP_3 => "3",
        _ => return None,
    })
}
