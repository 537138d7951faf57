//! Responses whose length says nothing of the service's speed.

use http::response::Parts;

/// Marks a response as a stream, by way of its extensions.
///
/// A stream lasts as long as somebody listens, so its duration tells nothing of the service: the span gets
/// `journey.http.streamed`, and so does the sample of `http.server.request.duration`, so that latency metrics can
/// leave it out. The content types `text/event-stream`, `application/x-ndjson`, `application/ndjson`,
/// `application/jsonl`, `application/json-seq` and `multipart/x-mixed-replace` are streams by themselves, unless the
/// body's length is known. Anything else is not: a gRPC stream and a single gRPC answer look the same from outside, and
/// so do a long download and a page of unknown length.
///
/// ```
/// use axum::Extension;
/// use axum::body::Body;
/// use axum::response::IntoResponse;
/// use journey_tower::Streamed;
///
/// async fn ticks(body: Body) -> impl IntoResponse {
///     (Extension(Streamed), body)
/// }
/// # let _ = ticks;
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Streamed;

/// Whether the response with this head and content type is a stream.
pub(crate) fn is_streamed(head: &Parts, content_type: &[u8]) -> bool {
    is_streaming_type(content_type) || head.extensions.get::<Streamed>().is_some()
}

/// Looks at one byte first, which tells most of the others apart: every response passes here.
fn is_streaming_type(content_type: &[u8]) -> bool {
    let slash = content_type.iter().position(|byte| *byte == b'/').unwrap_or(content_type.len());
    let (kind, subtype) = content_type.split_at(slash);
    let Some(first) = subtype.get(1) else { return false };
    let first = first.to_ascii_lowercase();
    STREAMING_TYPES
        .iter()
        .filter(|(_, wanted)| wanted.as_bytes()[1] == first)
        .any(|(wanted_kind, wanted)| is(kind, wanted_kind) && begins(subtype, wanted))
}

fn is(text: &[u8], wanted: &str) -> bool {
    text.eq_ignore_ascii_case(wanted.as_bytes())
}

/// Whether a subtype is this one, with any parameters.
fn begins(subtype: &[u8], wanted: &str) -> bool {
    let split = subtype.split_at_checked(wanted.len());
    split.is_some_and(|(name, rest)| is(name, wanted) && matches!(rest.first(), None | Some(b';' | b' ')))
}

/// Content types that are streams of events.
const STREAMING_TYPES: [(&str, &str); 6] = [
    ("application", "/json-seq"),
    ("application", "/jsonl"),
    ("application", "/ndjson"),
    ("application", "/x-ndjson"),
    ("multipart", "/x-mixed-replace"),
    ("text", "/event-stream"),
];

#[cfg(test)]
mod tests {
    use http::Response;

    use super::*;

    fn streamed(content_type: &str) -> bool {
        is_streamed(&Response::new(()).into_parts().0, content_type.as_bytes())
    }

    /// Scenario: content types of streams and of pages, with parameters and in other cases.
    /// Guarantees: only the listed ones and marked responses are streams.
    #[test]
    fn streams_are_told_by_their_type() {
        assert!(streamed("text/event-stream"));
        assert!(streamed("Text/Event-Stream; charset=utf-8"));
        assert!(streamed("multipart/x-mixed-replace;boundary=x"));
        assert!(!streamed("application/json"));
        assert!(!streamed("application/grpc"));
        assert!(!streamed("text/event-streams"));
        assert!(!streamed(""));
        let mut marked = Response::new(());
        marked.extensions_mut().insert(Streamed);
        assert!(is_streamed(&marked.into_parts().0, b"text/plain"));
    }
}
