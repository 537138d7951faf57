//! Span names `METHOD route`, made once per route and process.
//!
//! A service has a fixed set of routes, so their names live for ever in a table of [`ROUTES_MAX`] slots that is read
//! without a lock. Raw paths never enter it. When the slots a name may use are taken, the name is made per request.

use std::borrow::Cow;
use std::hash::{Hash, Hasher};
use std::sync::OnceLock;

use journey_trace::http::Method;
use opentelemetry::StringValue;
use rustc_hash::FxHasher;

use crate::limits::ROUTES_MAX;

/// Name of the server span of one route.
#[derive(Debug, Clone)]
pub(crate) enum RouteName {
    Interned(&'static Name),
    /// The table was full.
    Owned(Box<Name>),
}

/// What is known of a request's route. The SDK keeps repeated keys, so `http.route` is written once.
#[derive(Debug, Default)]
pub(crate) enum Route {
    /// The span started with it.
    AtStart(RouteName),
    /// Found further in: written at the end.
    AtEnd(RouteName),
    /// A gRPC call: its answer tells what to write at the end.
    Called(Box<Call>),
    #[default]
    Unknown,
}

/// A gRPC call whose path may turn out to be a route.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) path: Box<str>,
    /// What the router matched, which is the service at best.
    pub(crate) matched: Option<RouteName>,
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
        NAMES.take(method.span_name(), route)
    }

    /// The name of `method` on this route, if it was made before and kept. Makes none, so any text may be asked for.
    pub(crate) fn known(method: Method, route: &str) -> Option<Self> {
        NAMES.find(method.span_name(), route).map(Self::Interned)
    }

    /// The name as it is kept. `None` if the table was full.
    pub(crate) fn interned(&self) -> Option<&'static Name> {
        match self {
            Self::Interned(name) => Some(name),
            Self::Owned(_) => None,
        }
    }

    /// The span name.
    pub(crate) fn span(&self) -> Cow<'static, str> {
        match self {
            Self::Interned(name) => Cow::Borrowed(&name.span),
            Self::Owned(name) => Cow::Owned(name.span.clone()),
        }
    }

    /// The route alone.
    pub(crate) fn as_str(&self) -> &str {
        match self {
            Self::Interned(name) => &name.route,
            Self::Owned(name) => &name.route,
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

impl Route {
    pub(crate) fn name(&self) -> Option<&RouteName> {
        match self {
            Self::AtStart(name) | Self::AtEnd(name) => Some(name),
            Self::Called(call) => call.matched.as_ref(),
            Self::Unknown => None,
        }
    }

    /// Whether the span has it already.
    pub(crate) fn is_written(&self) -> bool {
        matches!(self, Self::AtStart(_))
    }

    /// Takes a route that a layer further in has found.
    pub(crate) fn record(&mut self, route: RouteName) {
        match self {
            Self::Called(call) => call.matched = Some(route),
            _ => *self = Self::AtEnd(route),
        }
    }
}

impl Name {
    fn new(method: &'static str, route: &str) -> Self {
        Self { method, route: route.to_owned(), span: format!("{method} {route}") }
    }

    fn is(&self, method: &str, route: &str) -> bool {
        self.method == method && self.route == route
    }
}

/// The names that are kept, each in one of the few slots after its hash.
struct Names {
    slots: [OnceLock<Name>; ROUTES_MAX],
}

impl Names {
    const fn new() -> Self {
        Self { slots: [const { OnceLock::new() }; ROUTES_MAX] }
    }

    fn take(&'static self, method: &'static str, route: &str) -> RouteName {
        self.slots(method, route)
            .map(|slot| slot.get_or_init(|| Name::new(method, route)))
            .find(|name| name.is(method, route))
            .map_or_else(|| RouteName::Owned(Box::new(Name::new(method, route))), RouteName::Interned)
    }

    fn find(&'static self, method: &str, route: &str) -> Option<&'static Name> {
        self.slots(method, route).map_while(OnceLock::get).find(|name| name.is(method, route))
    }

    fn slots(
        &'static self,
        method: &str,
        route: &str,
    ) -> impl Iterator<Item = &'static OnceLock<Name>> + use<> {
        let mut hasher = FxHasher::default();
        (method, route).hash(&mut hasher);
        // The upper half has seen all of the text.
        let first = (hasher.finish() >> 32) as usize;
        (first..first + PROBES_MAX).map(|slot| &self.slots[slot % ROUTES_MAX])
    }
}

static NAMES: Names = Names::new();

/// Slots tried for one name before it counts as full.
const PROBES_MAX: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: the same route twice, a text that is no route, then more routes than the table has slots.
    /// Guarantees: one name is made once, asking makes none; past the limit names are still right.
    #[test]
    fn names_are_interned_and_bounded() {
        let names: &'static Names = Box::leak(Box::new(Names::new()));
        let first = names.take("GET", "/orders/{id}").interned().expect("an empty table takes a name");
        let second = names.take("GET", "/orders/{id}").interned().expect("it is there");
        assert!(std::ptr::eq(first, second));
        for _ in 0..2 {
            assert!(names.find("GET", "/orders/{id}").is_some());
            assert!(names.find("GET", "/orders/7").is_none());
        }

        let taken: Vec<RouteName> =
            (0..2 * ROUTES_MAX).map(|n| names.take("GET", &format!("/{n}"))).collect();
        assert!(taken.iter().any(|name| name.interned().is_none()));
        for (n, name) in taken.iter().enumerate() {
            assert_eq!(name.span(), format!("GET /{n}"));
            assert_eq!(name.route().as_str(), format!("/{n}"));
        }
    }
}
