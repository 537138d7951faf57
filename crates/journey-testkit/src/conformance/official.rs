//! Official attributes that spans of ours, or of the crates ours are compared with, may have.
//!
//! Source: [OpenTelemetry semantic conventions 1.44.0](https://opentelemetry.io/schemas/1.44.0).

/// An official attribute.
#[derive(Debug, Clone, Copy)]
pub(super) struct Official {
    /// Its key; a template's key ends with a dot.
    pub(super) key: &'static str,
    /// `string`, `int`, `double`, `boolean` or `string[]`.
    pub(super) kind: &'static str,
    pub(super) is_stable: bool,
    /// Values of a closed list, empty if any value is good.
    pub(super) members: &'static [&'static str],
}

/// The official attribute of this key.
pub(super) fn find(key: &str) -> Option<&'static Official> {
    ATTRIBUTES.iter().find(|one| match one.key.strip_suffix('.') {
        Some(_) => key.strip_prefix(one.key).is_some_and(|name| !name.is_empty()),
        None => one.key == key,
    })
}

/// What replaces a deprecated attribute.
pub(super) fn replacement(key: &str) -> Option<&'static str> {
    DEPRECATED.iter().find(|(old, _)| *old == key).map(|(_, new)| *new)
}

/// Whether the first part of the key belongs to OpenTelemetry.
pub(super) fn is_namespace(key: &str) -> bool {
    let root = key.split('.').next().unwrap_or_default();
    NAMESPACES.contains(&root)
}

pub(super) const HTTP_REQUEST_METHOD: &str = "http.request.method";
pub(super) const HTTP_REQUEST_METHOD_ORIGINAL: &str = "http.request.method_original";
pub(super) const HTTP_RESPONSE_STATUS_CODE: &str = "http.response.status_code";
pub(super) const DB_SYSTEM_NAME: &str = "db.system.name";
pub(super) const MESSAGING_SYSTEM: &str = "messaging.system";
pub(super) const ERROR_TYPE: &str = "error.type";
pub(super) const SERVER_ADDRESS: &str = "server.address";
pub(super) const SERVER_PORT: &str = "server.port";

const fn stable(key: &'static str, kind: &'static str) -> Official {
    Official { key, kind, is_stable: true, members: &[] }
}

/// In development. Not held against messaging and `user.*`, which have nothing stable.
const fn developing(key: &'static str, kind: &'static str) -> Official {
    Official { key, kind, is_stable: false, members: &[] }
}

const fn closed(key: &'static str, members: &'static [&'static str]) -> Official {
    Official { key, kind: "string", is_stable: true, members }
}

const ATTRIBUTES: &[Official] = &[
    stable("client.address", "string"),
    stable("client.port", "int"),
    stable("code.column.number", "int"),
    stable("code.file.path", "string"),
    stable("code.function.name", "string"),
    stable("code.line.number", "int"),
    stable("code.stacktrace", "string"),
    stable("container.id", "string"),
    stable("container.image.name", "string"),
    stable("container.image.tags", "string[]"),
    developing("db.client.connection.pool.name", "string"),
    closed("db.client.connection.state", &["idle", "used"]),
    stable("db.collection.name", "string"),
    stable("db.namespace", "string"),
    stable("db.operation.batch.size", "int"),
    stable("db.operation.name", "string"),
    developing("db.operation.parameter.", "string"),
    developing("db.query.parameter.", "string"),
    stable("db.query.summary", "string"),
    stable("db.query.text", "string"),
    developing("db.response.returned_rows", "int"),
    stable("db.response.status_code", "string"),
    stable("db.stored_procedure.name", "string"),
    closed(DB_SYSTEM_NAME, &["mariadb", "microsoft.sql_server", "mysql", "postgresql", "sqlite"]),
    stable("deployment.environment.name", "string"),
    stable(ERROR_TYPE, "string"),
    stable("exception.message", "string"),
    stable("exception.stacktrace", "string"),
    stable("exception.type", "string"),
    developing("host.arch", "string"),
    developing("host.id", "string"),
    developing("host.name", "string"),
    developing("http.request.body.size", "int"),
    stable("http.request.header.", "string[]"),
    closed(HTTP_REQUEST_METHOD, METHODS),
    stable(HTTP_REQUEST_METHOD_ORIGINAL, "string"),
    stable("http.request.resend_count", "int"),
    developing("http.request.size", "int"),
    developing("http.response.body.size", "int"),
    stable("http.response.header.", "string[]"),
    developing("http.response.size", "int"),
    stable(HTTP_RESPONSE_STATUS_CODE, "int"),
    stable("http.route", "string"),
    stable("k8s.cluster.name", "string"),
    stable("k8s.container.name", "string"),
    stable("k8s.deployment.name", "string"),
    stable("k8s.namespace.name", "string"),
    stable("k8s.node.name", "string"),
    stable("k8s.pod.name", "string"),
    stable("k8s.pod.uid", "string"),
    developing("messaging.batch.message_count", "int"),
    developing("messaging.client.id", "string"),
    developing("messaging.consumer.group.name", "string"),
    developing("messaging.destination.anonymous", "boolean"),
    developing("messaging.destination.name", "string"),
    developing("messaging.destination.partition.id", "string"),
    developing("messaging.destination.subscription.name", "string"),
    developing("messaging.destination.template", "string"),
    developing("messaging.destination.temporary", "boolean"),
    developing("messaging.message.body.size", "int"),
    developing("messaging.message.conversation_id", "string"),
    developing("messaging.message.envelope.size", "int"),
    developing("messaging.message.id", "string"),
    developing("messaging.operation.name", "string"),
    closed("messaging.operation.type", &["create", "process", "receive", "send", "settle"]),
    developing("messaging.rabbitmq.destination.routing_key", "string"),
    developing("messaging.rabbitmq.message.delivery_tag", "int"),
    closed(MESSAGING_SYSTEM, &["activemq", "aws_sqs", "jms", "kafka", "pulsar", "rabbitmq", "rocketmq"]),
    stable("network.local.address", "string"),
    stable("network.local.port", "int"),
    stable("network.peer.address", "string"),
    stable("network.peer.port", "int"),
    stable("network.protocol.name", "string"),
    stable("network.protocol.version", "string"),
    closed("network.transport", &["pipe", "quic", "tcp", "udp", "unix"]),
    closed("network.type", &["ipv4", "ipv6"]),
    developing("os.type", "string"),
    stable("otel.scope.name", "string"),
    stable("otel.scope.version", "string"),
    developing("process.executable.name", "string"),
    developing("process.executable.path", "string"),
    developing("process.pid", "int"),
    developing("process.runtime.name", "string"),
    developing("process.runtime.version", "string"),
    developing("rpc.method", "string"),
    developing("rpc.response.status_code", "string"),
    developing("rpc.system.name", "string"),
    stable(SERVER_ADDRESS, "string"),
    stable(SERVER_PORT, "int"),
    stable("service.instance.id", "string"),
    stable("service.name", "string"),
    stable("service.namespace", "string"),
    developing("service.peer.name", "string"),
    stable("service.version", "string"),
    developing("session.id", "string"),
    stable("telemetry.distro.name", "string"),
    stable("telemetry.distro.version", "string"),
    stable("telemetry.sdk.language", "string"),
    stable("telemetry.sdk.name", "string"),
    stable("telemetry.sdk.version", "string"),
    developing("thread.id", "int"),
    developing("thread.name", "string"),
    stable("url.fragment", "string"),
    stable("url.full", "string"),
    stable("url.path", "string"),
    stable("url.query", "string"),
    stable("url.scheme", "string"),
    developing("url.template", "string"),
    developing("user.id", "string"),
    stable("user_agent.original", "string"),
    developing("user_agent.synthetic.type", "string"),
    developing("vcs.ref.head.revision", "string"),
    developing("vcs.repository.url.full", "string"),
];

/// Known methods, and the word for all others.
const METHODS: &[&str] =
    &["CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "QUERY", "TRACE", "_OTHER"];

const DEPRECATED: &[(&str, &str)] = &[
    ("code.filepath", "code.file.path"),
    ("code.function", "code.function.name"),
    ("code.lineno", "code.line.number"),
    ("code.namespace", "code.function.name"),
    ("db.cassandra.table", "db.collection.name"),
    ("db.connection_string", "server.address and server.port"),
    ("db.name", "db.namespace"),
    ("db.operation", "db.operation.name"),
    ("db.sql.table", "db.collection.name"),
    ("db.statement", "db.query.text"),
    ("db.system", "db.system.name"),
    ("db.user", "nothing"),
    ("deployment.environment", "deployment.environment.name"),
    ("enduser.id", "user.id"),
    ("error.message", "exception.message or a feature's own"),
    ("exception.escaped", "nothing"),
    ("http.client_ip", "client.address"),
    ("http.flavor", "network.protocol.version"),
    ("http.host", "server.address"),
    ("http.method", "http.request.method"),
    ("http.request_content_length", "http.request.header.content-length"),
    ("http.response_content_length", "http.response.header.content-length"),
    ("http.resend_count", "http.request.resend_count"),
    ("http.scheme", "url.scheme"),
    ("http.server_name", "server.address"),
    ("http.status_code", "http.response.status_code"),
    ("http.target", "url.path and url.query"),
    ("http.url", "url.full"),
    ("http.user_agent", "user_agent.original"),
    ("messaging.client_id", "messaging.client.id"),
    ("messaging.consumer_id", "messaging.consumer.group.name"),
    ("messaging.destination", "messaging.destination.name"),
    ("messaging.destination_kind", "nothing"),
    ("messaging.message_id", "messaging.message.id"),
    ("messaging.operation", "messaging.operation.type"),
    ("messaging.protocol", "network.protocol.name"),
    ("messaging.rabbitmq.routing_key", "messaging.rabbitmq.destination.routing_key"),
    ("messaging.temp_destination", "messaging.destination.temporary"),
    ("messaging.url", "server.address and server.port"),
    ("net.host.ip", "network.local.address"),
    ("net.host.name", "server.address"),
    ("net.host.port", "server.port"),
    ("net.peer.ip", "network.peer.address"),
    ("net.peer.name", "server.address or client.address"),
    ("net.peer.port", "server.port or client.port"),
    ("net.protocol.name", "network.protocol.name"),
    ("net.protocol.version", "network.protocol.version"),
    ("net.sock.peer.addr", "network.peer.address"),
    ("net.sock.peer.port", "network.peer.port"),
    ("net.transport", "network.transport"),
    ("peer.service", "service.peer.name"),
    ("rpc.grpc.status_code", "rpc.response.status_code"),
    ("rpc.service", "rpc.method"),
    ("rpc.system", "rpc.system.name"),
];

/// First parts of official keys; nobody else may add to them.
const NAMESPACES: &[&str] = &[
    "app",
    "artifact",
    "aws",
    "azure",
    "browser",
    "cicd",
    "client",
    "cloud",
    "cloudevents",
    "code",
    "container",
    "cpu",
    "db",
    "deployment",
    "destination",
    "device",
    "disk",
    "dns",
    "enduser",
    "error",
    "event",
    "exception",
    "faas",
    "feature_flag",
    "file",
    "gcp",
    "gen_ai",
    "geo",
    "graphql",
    "host",
    "http",
    "hw",
    "k8s",
    "linux",
    "log",
    "messaging",
    "net",
    "network",
    "oci",
    "openai",
    "opentracing",
    "os",
    "otel",
    "peer",
    "process",
    "profile",
    "rpc",
    "server",
    "service",
    "session",
    "source",
    "system",
    "telemetry",
    "test",
    "thread",
    "tls",
    "url",
    "user",
    "user_agent",
    "vcs",
    "webengine",
];
