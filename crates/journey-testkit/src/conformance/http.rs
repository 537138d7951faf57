//! Spans of HTTP servers and clients, section "HTTP spans" of the conventions.

use opentelemetry_proto::tonic::trace::v1::span::SpanKind;

use super::finding::Findings;
use super::official::{
    HTTP_REQUEST_METHOD, HTTP_REQUEST_METHOD_ORIGINAL, HTTP_RESPONSE_STATUS_CODE, SERVER_ADDRESS, SERVER_PORT,
};
use super::span::Subject;
use super::url;

pub(super) fn check(subject: &Subject<'_>, findings: &mut Findings) {
    match subject.kind() {
        SpanKind::Server => server(subject, findings),
        SpanKind::Client => client(subject, findings),
        other => findings.violation("span_kind_mismatch", other.as_str_name()),
    }
    method(subject, findings);
    protocol(subject, findings);
    headers(subject, findings);
    subject.only_with(SERVER_PORT, SERVER_ADDRESS, findings);
    subject.only_with("network.peer.port", "network.peer.address", findings);
    subject.opt_in(&BOTH_OPT_IN, findings);
}

fn server(subject: &Subject<'_>, findings: &mut Findings) {
    subject.require(&[HTTP_REQUEST_METHOD, "url.path", "url.scheme"], findings);
    subject.recommend(&SERVER_RECOMMENDED, findings);
    subject.refuse(&["http.request.resend_count", "url.full", "url.template"], findings);
    subject.name_is(&name(subject, "http.route"), findings);
    if let Some(path) = subject.str("url.path") {
        if path.contains('?') {
            findings.violation("http_url_secret", "url.path with a query");
        }
        if subject.str("http.route").is_some_and(|route| route.contains('?')) {
            findings.violation("span_name_mismatch", "http.route with a query");
        }
    }
    if let Some(secret) = subject.str("url.query").and_then(url::secret) {
        findings.violation("http_url_secret", format_args!("url.query shows {secret}"));
    }
    server_status(subject, findings);
}

/// The caller's mistakes are no errors of the server; something else may have gone wrong with them all the same.
fn server_status(subject: &Subject<'_>, findings: &mut Findings) {
    match subject.int(HTTP_RESPONSE_STATUS_CODE) {
        Some(500..) if !subject.is_error() => findings.violation("http_status_not_error", "a 5xx"),
        Some(code @ ..500) if subject.is_error() => {
            let own_error = subject.error_type().is_some_and(|error| error != code.to_string());
            if !own_error {
                findings.violation("http_status_must_be_unset", code);
            }
        }
        _ => {}
    }
    description(subject, findings);
}

fn client(subject: &Subject<'_>, findings: &mut Findings) {
    subject.require(&[HTTP_REQUEST_METHOD, SERVER_ADDRESS, SERVER_PORT, "url.full"], findings);
    subject.recommend(&CLIENT_RECOMMENDED, findings);
    subject.refuse(&["client.address", "http.route", "url.path", "url.query"], findings);
    subject.opt_in(&["url.scheme", "url.template", "user_agent.original"], findings);
    subject.name_is(&name(subject, "url.template"), findings);
    if let Some(full) = subject.str("url.full") {
        if url::shows_credentials(full) {
            findings.violation("http_url_credentials", "url.full shows its userinfo");
        }
        if let Some(secret) = url::query(full).and_then(url::secret) {
            findings.violation("http_url_secret", format_args!("url.full shows {secret}"));
        }
        if !full.contains("://") {
            findings.violation("http_url_not_absolute", full);
        }
    }
    if subject.int("http.request.resend_count").is_some_and(|count| count < 1) {
        findings.violation("span_attribute_not_applicable", "http.request.resend_count of a first attempt");
    }
    let code = subject.int(HTTP_RESPONSE_STATUS_CODE);
    if code.is_some_and(|code| code >= 400) && !subject.is_error() {
        findings.violation("http_status_not_error", "a 4xx or 5xx");
    }
    description(subject, findings);
}

/// `{method} {target}`, or the method alone; a method that nobody knows is `HTTP`.
fn name(subject: &Subject<'_>, target: &str) -> String {
    let method = match subject.str(HTTP_REQUEST_METHOD) {
        Some("_OTHER") | None => "HTTP",
        Some(method) => method,
    };
    match subject.str(target) {
        Some(target) => format!("{method} {target}"),
        None => method.to_owned(),
    }
}

fn method(subject: &Subject<'_>, findings: &mut Findings) {
    let method = subject.str(HTTP_REQUEST_METHOD);
    if method == Some("_OTHER") {
        subject.require(&[HTTP_REQUEST_METHOD_ORIGINAL], findings);
    } else if subject.has(HTTP_REQUEST_METHOD_ORIGINAL) && subject.str(HTTP_REQUEST_METHOD_ORIGINAL) == method
    {
        findings.violation("span_attribute_not_applicable", HTTP_REQUEST_METHOD_ORIGINAL);
    }
}

fn protocol(subject: &Subject<'_>, findings: &mut Findings) {
    if let Some(version) = subject.str("network.protocol.version")
        && !["0.9", "1.0", "1.1", "2", "3"].contains(&version)
    {
        findings.violation("http_protocol_version", version);
    }
    if let Some(name) = subject.str("network.protocol.name")
        && name.chars().any(char::is_uppercase)
    {
        findings.violation("http_protocol_name", name);
    }
    if let Some(code) = subject.int(HTTP_RESPONSE_STATUS_CODE)
        && !(100..600).contains(&code)
    {
        findings.violation("http_status_unknown", code);
    }
}

fn headers(subject: &Subject<'_>, findings: &mut Findings) {
    for attribute in &subject.span.attributes {
        let header = ["http.request.header.", "http.response.header."]
            .iter()
            .find_map(|prefix| attribute.key.strip_prefix(prefix));
        let Some(header) = header else { continue };
        findings.information("span_attribute_opt_in", &attribute.key);
        if header.chars().any(char::is_uppercase) {
            findings.violation("invalid_format", &attribute.key);
        }
        if SECRET_HEADERS.contains(&header) {
            findings.violation("http_header_credentials", &attribute.key);
        }
    }
}

/// The status code says it already.
fn description(subject: &Subject<'_>, findings: &mut Findings) {
    let code = subject.int(HTTP_RESPONSE_STATUS_CODE).map(|code| code.to_string());
    if code.as_deref() == subject.error_type() && code.is_some() && !subject.description().is_empty() {
        findings.improvement("http_status_description", subject.description());
    }
}

const SERVER_RECOMMENDED: [&str; 5] = [
    "client.address",
    "network.peer.address",
    "network.protocol.version",
    SERVER_ADDRESS,
    "user_agent.original",
];

const CLIENT_RECOMMENDED: [&str; 2] = ["network.peer.address", "network.protocol.version"];

const BOTH_OPT_IN: [&str; 8] = [
    "client.port",
    "http.request.body.size",
    "http.request.size",
    "http.response.body.size",
    "http.response.size",
    "network.local.address",
    "network.transport",
    "user_agent.synthetic.type",
];

const SECRET_HEADERS: [&str; 4] = ["authorization", "cookie", "proxy-authorization", "set-cookie"];
