//! One attempt: a request on the wire, and what became of it.

use std::pin::Pin;
use std::task::{self, Poll, ready};

use http::Extensions;
use journey_trace::http::{ClientAttempt, ClientResponse, ClientTarget, OutgoingHeaders, UrlTemplate};
use opentelemetry::Context;
use reqwest::{Request, Response, Version};
use reqwest_middleware::{Next, Result};

use crate::body;
use crate::error_class;
use crate::headers;
use crate::repeats;
use crate::target;

/// Sends a request once, when it is first polled. Dropped before the response, it ends the span without an error: the
/// caller gave up.
///
/// No `async fn`, which would move the request about.
pub(crate) struct Sending<'a> {
    unsent: Option<Unsent<'a>>,
    sent: Option<Sent<'a>>,
}

struct Unsent<'a> {
    request: Request,
    template: Option<UrlTemplate>,
    extensions: &'a mut Extensions,
    next: Next<'a>,
}

struct Sent<'a> {
    answer: Pin<Box<dyn Future<Output = Result<Response>> + Send + 'a>>,
    // None: nothing depends on it.
    attempt: Option<ClientAttempt>,
}

impl<'a> Sending<'a> {
    pub(crate) fn new(request: Request, extensions: &'a mut Extensions, next: Next<'a>) -> Self {
        let template = extensions.get::<UrlTemplate>().copied();
        Self { unsent: Some(Unsent { request, template, extensions, next }), sent: None }
    }

    /// The same for where the request was redirected to, which the caller's template says nothing of.
    pub(crate) fn hop(request: Request, extensions: &'a mut Extensions, next: Next<'a>) -> Self {
        Self { unsent: Some(Unsent { request, template: None, extensions, next }), sent: None }
    }
}

impl Future for Sending<'_> {
    type Output = Result<Response>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        let attempt = this.unsent.as_mut().and_then(|unsent| start(unsent, &Context::current()));
        if let Some(Unsent { request, extensions, next, .. }) = this.unsent.take() {
            this.sent = Some(Sent { answer: next.run(request, extensions), attempt });
        }
        let Sent { answer, attempt } = this.sent.as_mut().expect("the first poll sends it");
        let attached = attempt.as_ref().map(|attempt| attempt.context().clone().attach());
        let result = ready!(answer.as_mut().poll(cx));
        drop(attached);
        Poll::Ready(match attempt.take().filter(ClientAttempt::is_watched) {
            Some(attempt) => end(attempt, result),
            None => result,
        })
    }
}

fn end(mut attempt: ClientAttempt, result: Result<Response>) -> Result<Response> {
    match result {
        Ok(response) => {
            attempt.respond(ClientResponse {
                status: response.status().as_u16(),
                version: protocol_version(response.version()),
                peer: response.remote_addr(),
            });
            Ok(body::guarded(response, attempt))
        }
        Err(error) => {
            attempt.fail(error_class::of_attempt(&error));
            Err(error)
        }
    }
}

/// Begins the attempt and writes the request's headers. `None` if nothing more depends on it.
fn start(unsent: &mut Unsent<'_>, parent: &Context) -> Option<ClientAttempt> {
    let Unsent { request, template, extensions, .. } = unsent;
    if parent.is_telemetry_suppressed() {
        return None;
    }
    let resends = repeats::sent_before(extensions);
    let url = request.url();
    let target = ClientTarget {
        method: request.method().as_str(),
        host: target::host(url),
        port: url.port_or_known_default(),
        template: *template,
        resends,
    };
    let attempt = ClientAttempt::start(&target, || target::redacted(url), parent);
    let outgoing = OutgoingHeaders::to(url.host_str().unwrap_or_default(), attempt.context());
    headers::write(&outgoing, request.headers_mut());
    if !attempt.is_needed() {
        return None;
    }
    // Not for an attempt that nobody looks at: all of one request have the same parent, so no other is recorded.
    repeats::count(extensions, resends);
    Some(attempt)
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
