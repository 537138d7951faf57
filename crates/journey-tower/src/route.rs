//! Span names `METHOD route`, made once per route and process.
//!
//! A service has a fixed set of routes, so their names live for ever in a table of [`NAMES_MAX`] slots that is read
//! without a lock. Raw paths never enter it. When the slots a name may use are taken, the name is made per request.

use std::borrow::Cow;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::OnceLock;

use journey_trace::http::Method;
use opentelemetry::StringValue;

/// Name of the server span of one route.
#[derive(Debug, Clone)]
pub(crate) enum RouteName {
    Interned(&'static Name),
    /// The table was full.
    Owned(Box<Name>),
}

/// A route and the span name that it gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Name {
    method: &'static str,
    route: String,
    span: String,
}

impl RouteName {
    /// The name of `method` on a framework's route, such as `/orders/{id}`.
    pub(crate) fn of(method: Method, route: &str) -> Self {
        let method = method.span_name();
        for slot in slots(method, route) {
            let name = slot.get_or_init(|| Name::new(method, route));
            if name.method == method && name.route == route {
                return Self::Interned(name);
            }
        }
        Self::Owned(Box::new(Name::new(method, route)))
    }

    /// The span name.
    pub(crate) fn span(&self) -> Cow<'static, str> {
        match self {
            Self::Interned(name) => Cow::Borrowed(&name.span),
            Self::Owned(name) => Cow::Owned(name.span.clone()),
        }
    }

    /// Value of `http.route`.
    pub(crate) fn route(&self) -> StringValue {
        match self {
            Self::Interned(name) => StringValue::from(name.route.as_str()),
            Self::Owned(name) => StringValue::from(name.route.clone()),
        }
    }
}

impl Name {
    fn new(method: &'static str, route: &str) -> Self {
        Self { method, route: route.to_owned(), span: format!("{method} {route}") }
    }
}

/// The slots a name may use, nearest first.
fn slots(method: &str, route: &str) -> impl Iterator<Item = &'static OnceLock<Name>> {
    static NAMES: [OnceLock<Name>; NAMES_MAX] = [const { OnceLock::new() }; NAMES_MAX];
    let mut hasher = DefaultHasher::new();
    (method, route).hash(&mut hasher);
    let first = usize::try_from(hasher.finish() % NAMES_MAX as u64).unwrap_or(0);
    (0..PROBES_MAX).map(move |probe| &NAMES[(first + probe) % NAMES_MAX])
}

/// Most names kept.
const NAMES_MAX: usize = 1024;

/// Slots tried for one name before it counts as full.
const PROBES_MAX: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: the same route twice, then more routes than the table has slots.
    /// Guarantees: one name is made once; past the limit names are still right.
    #[test]
    fn names_are_interned_and_bounded() {
        let get = Method::of("GET");
        let (RouteName::Interned(first), RouteName::Interned(second)) =
            (RouteName::of(get, "/orders/{id}"), RouteName::of(get, "/orders/{id}"))
        else {
            panic!("an empty table takes a name");
        };
        assert!(std::ptr::eq(first, second));

        let names: Vec<RouteName> =
            (0..2 * NAMES_MAX).map(|n| RouteName::of(get, &format!("/{n}"))).collect();
        assert!(names.iter().any(|name| matches!(name, RouteName::Owned(_))));
        for (n, name) in names.iter().enumerate() {
            assert_eq!(name.span(), format!("GET /{n}"));
            assert_eq!(name.route().as_str(), format!("/{n}"));
        }
    }
}
