//! Metrics of HTTP servers.

use std::hash::{Hash, Hasher};
use std::time::Duration;

use journey_model::attribute::{ERROR_TYPE, JOURNEY_HTTP_STREAMED};
use opentelemetry::{KeyValue, StringValue};

use crate::http::key;

use super::{Active, Durations, Family, HTTP_BUCKETS_S, Running, Series};

/// The attributes that a request's duration is recorded with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ServerSeries<'a> {
    /// Known method or `_OTHER`.
    pub method: &'static str,
    /// `http` or `https`.
    pub scheme: &'static str,
    /// `1.1`, `2` and so on.
    pub version: Option<&'static str>,
    /// Path template of the framework's route; never a raw path.
    pub route: Option<&'a str>,
    /// Status code of the response, if there was one.
    pub status: Option<u16>,
    /// Class of the error, as on the span; of low cardinality.
    pub error_type: Option<&'a str>,
    /// The response was a stream of events, whose length says nothing of the service's speed.
    pub streamed: bool,
}

/// Counts one more active request, until the result drops. `None` while nothing is measured.
pub fn server_request(method: &'static str, scheme: &'static str) -> Option<Active> {
    SERVER.with(|server| server.active.one(&Going { method, scheme }))
}

/// Records how long a request took. Does nothing while nothing is measured.
pub fn server_duration(series: &ServerSeries<'_>, duration: Duration) {
    SERVER.with(|server| server.duration.record(series, duration));
}

struct Server {
    duration: Durations<ServerKey>,
    active: Running<Going>,
}

static SERVER: Family<Server> = Family::new(|meter| Server {
    duration: Durations::new(
        meter,
        "http.server.request.duration",
        "Duration of HTTP server requests.",
        HTTP_BUCKETS_S,
    ),
    active: Running::new(
        meter,
        "http.server.active_requests",
        "Number of active HTTP server requests.",
        "{request}",
    ),
});

/// By what tells series apart most: the rest is compared.
impl Hash for ServerSeries<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write(self.route.unwrap_or_default().as_bytes());
        state.write_u16(self.status.unwrap_or_default());
        state.write_usize(self.method.len());
    }
}

/// [`ServerSeries`], owned.
pub struct ServerKey {
    series: ServerSeries<'static>,
    route: Option<Box<str>>,
    error_type: Option<Box<str>>,
}

impl Series for ServerSeries<'_> {
    type Key = ServerKey;

    fn to_key(&self) -> ServerKey {
        let Self { method, scheme, version, route, status, error_type, streamed } = *self;
        ServerKey {
            series: ServerSeries { method, scheme, version, status, streamed, route: None, error_type: None },
            route: route.map(Box::from),
            error_type: error_type.map(Box::from),
        }
    }

    fn is(&self, key: &ServerKey) -> bool {
        // What differs most comes first; constants are mostly told by where they are.
        let known = &key.series;
        self.status == known.status
            && self.route == key.route.as_deref()
            && self.error_type == key.error_type.as_deref()
            && self.streamed == known.streamed
            && is_same(self.method, known.method)
            && is_same(self.scheme, known.scheme)
            && is_same(self.version.unwrap_or_default(), known.version.unwrap_or_default())
    }

    fn attributes(&self) -> Vec<KeyValue> {
        let text = |key, text: &str| KeyValue::new(key, StringValue::from(text.to_owned()));
        let mut attributes = vec![
            KeyValue::new(key::HTTP_REQUEST_METHOD, self.method),
            KeyValue::new(key::URL_SCHEME, self.scheme),
        ];
        attributes.extend(self.version.map(|version| KeyValue::new(key::NETWORK_PROTOCOL_VERSION, version)));
        attributes.extend(self.route.map(|route| text(key::HTTP_ROUTE, route)));
        attributes.extend(
            self.status.map(|status| KeyValue::new(key::HTTP_RESPONSE_STATUS_CODE, i64::from(status))),
        );
        attributes.extend(self.error_type.map(|error| text(ERROR_TYPE, error)));
        attributes.extend(self.streamed.then(|| KeyValue::new(JOURNEY_HTTP_STREAMED, true)));
        attributes
    }
}

/// What active requests are told apart by.
#[derive(Clone, Copy)]
struct Going {
    method: &'static str,
    scheme: &'static str,
}

/// By the place of the method's name, which is one of a few constants. The same name at two places is bound twice.
impl Hash for Going {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_usize(self.method.as_ptr().addr());
        state.write_usize(self.scheme.len());
    }
}

impl Series for Going {
    type Key = Self;

    fn to_key(&self) -> Self {
        *self
    }

    fn is(&self, key: &Self) -> bool {
        is_same(self.method, key.method) && is_same(self.scheme, key.scheme)
    }

    fn attributes(&self) -> Vec<KeyValue> {
        vec![
            KeyValue::new(key::HTTP_REQUEST_METHOD, self.method),
            KeyValue::new(key::URL_SCHEME, self.scheme),
        ]
    }
}

fn is_same(one: &'static str, other: &'static str) -> bool {
    std::ptr::eq(one, other) || one == other
}
