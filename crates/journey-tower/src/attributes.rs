//! Attributes of a server span that the request itself tells.

use std::borrow::Cow;

use http::{StatusCode, Version};
use journey_trace::http::{Method, key, redact_query};
use opentelemetry::{KeyValue, StringValue, Value};

use crate::head::Head;
use crate::layer::Settings;
use crate::limits::{METHOD_BYTES_MAX, PATH_BYTES_MAX, QUERY_BYTES_MAX, clipped};
use crate::origin::Origin;
use crate::recent;
use crate::route::Route;

/// All of them, with room for those of the response.
///
/// They are there when the span starts, because a sampler sees no later ones. No header is captured besides
/// `User-Agent` and those of the allow list, and the query has keys only.
pub(crate) fn of_request(
    head: &Head<'_>,
    method: Method,
    route: &Route,
    settings: &Settings,
) -> Vec<KeyValue> {
    let origin = Origin::of(head, settings.proxy);
    let mut attributes = Vec::with_capacity(ATTRIBUTES_ROOM);
    let mut put = |key: &'static str, value: Value| attributes.push(KeyValue::new(key, value));

    put(key::HTTP_REQUEST_METHOD, method.attribute().into());
    if method == Method::Other {
        put(key::HTTP_REQUEST_METHOD_ORIGINAL, text(clipped(head.method.as_str(), METHOD_BYTES_MAX)));
    }
    put(key::URL_SCHEME, origin.scheme.as_str().into());
    put(key::URL_PATH, text(clipped(head.uri.path(), PATH_BYTES_MAX)));
    if let Some(query) = head.uri.query() {
        put(key::URL_QUERY, self::query(query).into());
    }
    if let Route::AtStart(route) = route {
        put(key::HTTP_ROUTE, route.route().into());
    }
    if let Some((address, port)) = origin.authority.and_then(recent::server) {
        put(key::SERVER_ADDRESS, address);
        if let Some(port) = port {
            put(key::SERVER_PORT, i64::from(port).into());
        }
    }
    if let Some(client) = origin.client {
        put(key::CLIENT_ADDRESS, recent::address(&recent::CLIENT_ADDRESS, client));
    }
    if let Some(peer) = origin.peer {
        put(key::NETWORK_PEER_ADDRESS, recent::address(&recent::PEER_ADDRESS, peer.ip()));
        put(key::NETWORK_PEER_PORT, i64::from(peer.port()).into());
    }
    if let Some(version) = protocol_version(head.version) {
        put(key::NETWORK_PROTOCOL_VERSION, version.into());
    }
    if let Some(agent) = head.known.user_agent() {
        put(key::USER_AGENT_ORIGINAL, recent::shared(&recent::USER_AGENT, agent));
    }
    if let Some(capture) = &settings.capture {
        attributes.extend(capture.request.attributes(head.headers));
    }
    attributes
}

/// A value that is cut off is redacted all the same, and half a key is taken for one.
fn query(query: &str) -> String {
    let mut redacted = redact_query(clipped(query, QUERY_BYTES_MAX));
    redacted.truncate(redacted.floor_char_boundary(QUERY_BYTES_MAX));
    redacted
}

fn text(value: &str) -> Value {
    Value::String(StringValue::from(value.to_owned()))
}

/// `error.type` of a response whose status says that the server failed.
pub(crate) fn status_text(status: StatusCode) -> Cow<'static, str> {
    match status {
        StatusCode::INTERNAL_SERVER_ERROR => "500".into(),
        StatusCode::BAD_GATEWAY => "502".into(),
        StatusCode::SERVICE_UNAVAILABLE => "503".into(),
        StatusCode::GATEWAY_TIMEOUT => "504".into(),
        _ => status.as_str().to_owned().into(),
    }
}

/// Value of `network.protocol.version`.
pub(crate) fn protocol_version(version: Version) -> Option<&'static str> {
    Some(match version {
        Version::HTTP_10 => "1.0",
        Version::HTTP_11 => "1.1",
        Version::HTTP_2 => "2",
        Version::HTTP_3 => "3",
        _ => return None,
    })
}

/// Room for 12 attributes of the request, 3 of the response and 3 of the journey, which is what most spans have; a
/// further one costs a reallocation. No more, because allocators are much slower beyond 1 KiB.
const ATTRIBUTES_ROOM: usize = 18;
