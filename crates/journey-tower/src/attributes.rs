//! Attributes of a server span that the request itself tells.

use http::{Version, header};
use journey_trace::http::{Method, key, redact_query};
use opentelemetry::{KeyValue, StringValue, Value};

use crate::head::Head;
use crate::origin::Origin;
use crate::recent;
use crate::route::RouteName;

/// All of them, with room for those of the response.
///
/// They are there when the span starts, because a sampler sees no later ones. No header is captured besides
/// `User-Agent`, and the query has keys only.
pub(crate) fn of_request(
    head: &Head<'_>,
    method: Method,
    route: Option<&RouteName>,
    behind_proxy: bool,
) -> Vec<KeyValue> {
    let origin = Origin::of(head, behind_proxy);
    let mut attributes = Vec::with_capacity(ATTRIBUTES_MAX);
    let mut put = |key: &'static str, value: Value| attributes.push(KeyValue::new(key, value));

    put(key::HTTP_REQUEST_METHOD, method.attribute().into());
    if method == Method::Other {
        put(key::HTTP_REQUEST_METHOD_ORIGINAL, text(head.method.as_str()));
    }
    put(key::URL_SCHEME, origin.scheme.into());
    put(key::URL_PATH, text(head.uri.path()));
    if let Some(query) = head.uri.query() {
        put(key::URL_QUERY, redact_query(query).into());
    }
    if let Some(route) = route {
        put(key::HTTP_ROUTE, route.route().into());
    }
    if let Some(host) = origin.host {
        put(key::SERVER_ADDRESS, recent::shared(&recent::SERVER_ADDRESS, host.address));
        if let Some(port) = host.port {
            put(key::SERVER_PORT, i64::from(port).into());
        }
    }
    if let Some(client) = origin.client {
        put(key::CLIENT_ADDRESS, client.to_string().into());
    }
    if let Some(peer) = origin.peer {
        put(key::NETWORK_PEER_ADDRESS, peer.ip().to_string().into());
        put(key::NETWORK_PEER_PORT, i64::from(peer.port()).into());
    }
    if let Some(version) = protocol_version(head.version) {
        put(key::NETWORK_PROTOCOL_VERSION, version.into());
    }
    if let Some(agent) = head.text(header::USER_AGENT) {
        put(key::USER_AGENT_ORIGINAL, recent::shared(&recent::USER_AGENT, agent));
    }
    attributes
}

fn text(value: &str) -> Value {
    Value::String(StringValue::from(value.to_owned()))
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

/// Most attributes of one server span: 13 of the request, 3 of the response, 5 of the journey.
const ATTRIBUTES_MAX: usize = 21;
