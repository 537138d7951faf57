//! Known methods: anything else is `_OTHER`, so that a caller cannot invent span names.

use std::sync::OnceLock;

/// Value of `http.request.method` for a method that is not known.
pub const METHOD_OTHER: &str = "_OTHER";

/// How the method of one request is named in spans.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// One of the known methods.
    Known(&'static str),
    /// None of them; the text goes to `http.request.method_original` only.
    Other,
}

impl Method {
    /// Names the method of a request, case-sensitively as HTTP has it.
    ///
    /// Known are the nine methods of RFC 9110 and RFC 5789. `OTEL_INSTRUMENTATION_HTTP_KNOWN_METHODS`, a comma list
    /// read once, replaces them; its entries past the first `KNOWN_METHODS_MAX` (32) are ignored.
    pub fn of(method: &str) -> Self {
        let known = match configured() {
            Some(list) => list.iter().copied().find(|known| *known == method),
            None => standard(method),
        };
        known.map_or(Self::Other, Self::Known)
    }

    /// Value of `http.request.method`.
    pub fn attribute(self) -> &'static str {
        match self {
            Self::Known(name) => name,
            Self::Other => METHOD_OTHER,
        }
    }

    /// The method's part of a span name: `HTTP` for an unknown one.
    pub fn span_name(self) -> &'static str {
        match self {
            Self::Known(name) => name,
            Self::Other => "HTTP",
        }
    }
}

fn standard(method: &str) -> Option<&'static str> {
    Some(match method {
        "CONNECT" => "CONNECT",
        "DELETE" => "DELETE",
        "GET" => "GET",
        "HEAD" => "HEAD",
        "OPTIONS" => "OPTIONS",
        "PATCH" => "PATCH",
        "POST" => "POST",
        "PUT" => "PUT",
        "TRACE" => "TRACE",
        _ => return None,
    })
}

/// The list of the environment, leaked once per process: span names want `'static` texts.
fn configured() -> Option<&'static [&'static str]> {
    static CONFIGURED: OnceLock<Option<&'static [&'static str]>> = OnceLock::new();
    *CONFIGURED.get_or_init(|| {
        let list = std::env::var("OTEL_INSTRUMENTATION_HTTP_KNOWN_METHODS").ok()?;
        let methods: Vec<&'static str> = parse(&list).map(|method| &*method.to_owned().leak()).collect();
        (!methods.is_empty()).then(|| &*methods.leak())
    })
}

fn parse(list: &str) -> impl Iterator<Item = &str> {
    list.split(',').map(str::trim).filter(|method| !method.is_empty()).take(KNOWN_METHODS_MAX)
}

/// Most methods taken from the environment.
const KNOWN_METHODS_MAX: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: known, unknown and wrongly cased methods.
    /// Guarantees: only the exact known ones name a span.
    #[test]
    fn unknown_methods_are_other() {
        assert_eq!(Method::of("PATCH"), Method::Known("PATCH"));
        assert_eq!(Method::of("get"), Method::Other);
        assert_eq!(Method::of("FOOBAR").attribute(), "_OTHER");
        assert_eq!(Method::of("FOOBAR").span_name(), "HTTP");
    }

    /// Scenario: a comma list with blanks and more entries than the limit.
    /// Guarantees: blanks vanish, the limit holds.
    #[test]
    fn list_of_the_environment_is_bounded() {
        assert_eq!(parse("GET, , PROPFIND ").collect::<Vec<_>>(), ["GET", "PROPFIND"]);
        assert_eq!(parse(&"A,".repeat(100)).count(), KNOWN_METHODS_MAX);
    }
}
