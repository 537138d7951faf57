//! Attribute keys of HTTP spans, each written once.

pub use journey_model::attribute::{
    ERROR_TYPE, JOURNEY_HTTP_OUTCOME, JOURNEY_HTTP_STREAMED, JOURNEY_HTTP_TIME_TO_HEAD,
};

/// Address of the client behind all proxies, as far as it is believed.
pub const CLIENT_ADDRESS: &str = "client.address";
/// Known method of the request, or `_OTHER`.
pub const HTTP_REQUEST_METHOD: &str = "http.request.method";
/// Method as received, if it is not a known one.
pub const HTTP_REQUEST_METHOD_ORIGINAL: &str = "http.request.method_original";
/// Ordinal number of a repeated attempt: the first repeat is 1, the first attempt has none.
pub const HTTP_REQUEST_RESEND_COUNT: &str = "http.request.resend_count";
/// Status code of the response, an int.
pub const HTTP_RESPONSE_STATUS_CODE: &str = "http.response.status_code";
/// Path template of the framework's route.
pub const HTTP_ROUTE: &str = "http.route";
/// Address of the other end of the connection.
pub const NETWORK_PEER_ADDRESS: &str = "network.peer.address";
/// Port of the other end of the connection, an int.
pub const NETWORK_PEER_PORT: &str = "network.peer.port";
/// `1.0`, `1.1`, `2` or `3`.
pub const NETWORK_PROTOCOL_VERSION: &str = "network.protocol.version";
/// Host the request is for.
pub const SERVER_ADDRESS: &str = "server.address";
/// Port the request is for, an int.
pub const SERVER_PORT: &str = "server.port";
/// Full URL of an outgoing request, redacted.
pub const URL_FULL: &str = "url.full";
/// Path of the request.
pub const URL_PATH: &str = "url.path";
/// Query of the request without `?`, redacted.
pub const URL_QUERY: &str = "url.query";
/// `http` or `https`.
pub const URL_SCHEME: &str = "url.scheme";
/// Low-cardinality template of an outgoing URL's path.
pub const URL_TEMPLATE: &str = "url.template";
/// `User-Agent` header as received.
pub const USER_AGENT_ORIGINAL: &str = "user_agent.original";
