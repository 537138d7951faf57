//! Metrics of HTTP clients.

use std::hash::{Hash, Hasher};
use std::time::Duration;

use journey_model::attribute::ERROR_TYPE;
use opentelemetry::{KeyValue, StringValue};

use crate::http::key;

use super::{Active, Durations, Family, HTTP_BUCKETS_S, Running, Series};

/// The attributes that the duration of one attempt is recorded with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClientSeries<'a> {
    /// Known method or `_OTHER`.
    pub method: &'static str,
    /// Host of the URL. A service talks to few hosts; the SDK's cardinality limit holds for one that does not.
    pub server_address: &'a str,
    /// Port of the URL, or the scheme's own.
    pub server_port: u16,
    /// `1.1`, `2` and so on, if there was a response.
    pub version: Option<&'static str>,
    /// Template of the path, if the caller gave one.
    pub template: Option<&'static str>,
    /// Status code of the response, if there was one.
    pub status: Option<u16>,
    /// Class of the error, as on the span; of low cardinality.
    pub error_type: Option<&'a str>,
}

/// Counts one more active request to this host, until the result drops. `None` while nothing is measured.
pub fn client_request(method: &'static str, server_address: &str, server_port: u16) -> Option<Active> {
    CLIENT.with(|client| client.active.one(&Going { method, server_address, server_port }))
}

/// Records how long an attempt took. Does nothing while nothing is measured.
pub fn client_duration(series: &ClientSeries<'_>, duration: Duration) {
    CLIENT.with(|client| client.duration.record(series, duration));
}

struct Client {
    duration: Durations<ClientKey>,
    active: Running<GoingKey>,
}

static CLIENT: Family<Client> = Family::new(|meter| Client {
    duration: Durations::new(
        meter,
        "http.client.request.duration",
        "Duration of HTTP client requests.",
        HTTP_BUCKETS_S,
    ),
    active: Running::new(
        meter,
        "http.client.active_requests",
        "Number of active HTTP requests.",
        "{request}",
    ),
});

/// By what tells series apart most: the rest is compared.
impl Hash for ClientSeries<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write(self.server_address.as_bytes());
        state.write(self.template.unwrap_or_default().as_bytes());
        state.write_u16(self.server_port);
        state.write_u16(self.status.unwrap_or_default());
        state.write_usize(self.method.len());
    }
}

/// [`ClientSeries`], owned.
pub struct ClientKey {
    series: ClientSeries<'static>,
    server_address: Box<str>,
    error_type: Option<Box<str>>,
}

impl Series for ClientSeries<'_> {
    type Key = ClientKey;

    fn to_key(&self) -> ClientKey {
        let Self { method, server_address, server_port, version, template, status, error_type } = *self;
        ClientKey {
            series: ClientSeries {
                method,
                server_address: "",
                server_port,
                version,
                template,
                status,
                error_type: None,
            },
            server_address: server_address.into(),
            error_type: error_type.map(Box::from),
        }
    }

    fn is(&self, key: &ClientKey) -> bool {
        let error_type = key.error_type.as_deref();
        *self == ClientSeries { server_address: &key.server_address, error_type, ..key.series }
    }

    fn attributes(&self) -> Vec<KeyValue> {
        let Self { method, server_address, server_port, version, template, status, error_type } = *self;
        let mut attributes = Going { method, server_address, server_port }.attributes();
        attributes.extend(version.map(|version| KeyValue::new(key::NETWORK_PROTOCOL_VERSION, version)));
        attributes.extend(template.map(|template| KeyValue::new(key::URL_TEMPLATE, template)));
        attributes
            .extend(status.map(|status| KeyValue::new(key::HTTP_RESPONSE_STATUS_CODE, i64::from(status))));
        attributes.extend(error_type.map(|error| text(ERROR_TYPE, error)));
        attributes
    }
}

/// What active requests are told apart by.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Going<'a> {
    method: &'static str,
    server_address: &'a str,
    server_port: u16,
}

/// [`Going`], owned.
struct GoingKey {
    method: &'static str,
    server_address: Box<str>,
    server_port: u16,
}

impl Series for Going<'_> {
    type Key = GoingKey;

    fn to_key(&self) -> GoingKey {
        let Self { method, server_address, server_port } = *self;
        GoingKey { method, server_address: server_address.into(), server_port }
    }

    fn is(&self, key: &GoingKey) -> bool {
        let GoingKey { method, server_address, server_port } = key;
        *self == Going { method, server_address, server_port: *server_port }
    }

    fn attributes(&self) -> Vec<KeyValue> {
        vec![
            KeyValue::new(key::HTTP_REQUEST_METHOD, self.method),
            text(key::SERVER_ADDRESS, self.server_address),
            KeyValue::new(key::SERVER_PORT, i64::from(self.server_port)),
        ]
    }
}

fn text(key: &'static str, text: &str) -> KeyValue {
    KeyValue::new(key, StringValue::from(text.to_owned()))
}
