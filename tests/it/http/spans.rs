//! What a collector got, for snapshots and for questions.

use std::fmt::Write as _;
use std::time::Duration;

use opentelemetry_proto::tonic::trace::v1::status::StatusCode;

use crate::sdk::received::{self, Received};

/// All spans and signals, in the order they started.
pub(super) struct Spans(Vec<Received>);

impl Spans {
    pub(super) fn of(bodies: &[Vec<u8>]) -> Self {
        let mut all = received::spans(bodies);
        all.sort_by_key(|one| one.span.start_time_unix_nano);
        Self(all)
    }

    /// The one span of this name that is no signal of the lane.
    pub(super) fn named(&self, name: &str) -> &Received {
        received::span_named(&self.0, name)
    }

    /// All spans of this name that are no signals of the lane.
    pub(super) fn all(&self, name: &str) -> Vec<&Received> {
        self.ordinary().filter(|one| one.span.name == name).collect()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.names().contains(&name)
    }

    /// Names of the spans, without signals of the lane.
    pub(super) fn names(&self) -> Vec<&str> {
        self.ordinary().map(|one| &*one.span.name).collect()
    }

    /// Signals of the lane of this kind.
    pub(super) fn signals(&self, kind: &str) -> Vec<&Received> {
        received::signals(&self.0, kind)
    }

    /// Everything but signals of the process, with all attributes.
    pub(super) fn text(&self) -> String {
        self.text_with(|_| true)
    }

    /// The same with these attributes only.
    pub(super) fn text_of(&self, keys: &[&str]) -> String {
        self.text_with(|key| keys.contains(&key))
    }

    fn text_with(&self, shown: impl Fn(&str) -> bool) -> String {
        let mut text = String::new();
        for one in self.0.iter().filter(|one| one.signal() != "process") {
            self.write(one, &shown, &mut text);
        }
        text
    }

    fn ordinary(&self) -> impl Iterator<Item = &Received> {
        self.0.iter().filter(|one| one.signal().is_empty())
    }

    fn write(&self, one: &Received, shown: &impl Fn(&str) -> bool, text: &mut String) {
        let kind = one.span.kind().as_str_name().trim_start_matches("SPAN_KIND_").to_lowercase();
        let failed = if is_error(one) { ", error" } else { "" };
        let _ = write!(text, "{kind} `{}` below {}{failed}", one.span.name, self.parent(one));
        if let [link] = &one.span.links[..] {
            let _ = write!(text, ", link to {}", self.name_of(&link.span_id));
        }
        text.push('\n');
        for (key, value) in one.attributes.iter().filter(|(key, _)| shown(key)) {
            let value = if VOLATILE.contains(&&**key) { "…" } else { value };
            let _ = writeln!(text, "  {key} = {value}");
        }
    }

    fn parent(&self, one: &Received) -> String {
        if one.span.parent_span_id.is_empty() {
            return "nothing".to_owned();
        }
        self.name_of(&one.span.parent_span_id)
    }

    fn name_of(&self, span_id: &[u8]) -> String {
        let found = self.0.iter().find(|other| other.span.span_id == span_id);
        found.map_or_else(|| "the caller".to_owned(), |found| format!("`{}`", found.span.name))
    }
}

pub(super) fn is_error(one: &Received) -> bool {
    one.span.status.as_ref().is_some_and(|status| status.code() == StatusCode::Error)
}

pub(super) fn duration(one: &Received) -> Duration {
    Duration::from_nanos(one.span.end_time_unix_nano - one.span.start_time_unix_nano)
}

/// Whether `child` is directly below `parent`, in its trace.
pub(super) fn is_child(child: &Received, parent: &Received) -> bool {
    child.span.trace_id == parent.span.trace_id && child.span.parent_span_id == parent.span.span_id
}

/// What differs from run to run.
const VOLATILE: [&str; 4] = ["journey.http.time_to_head", "network.peer.port", "server.port", "url.full"];
