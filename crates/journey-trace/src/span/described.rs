//! What a span says when it starts.

use std::borrow::Cow;

use opentelemetry::KeyValue;
use opentelemetry::trace::Link;

/// Name, attributes and links of a span that is about to start.
#[derive(Debug, Clone, Default)]
pub struct Described {
    /// Of low cardinality.
    pub name: Cow<'static, str>,
    /// Samplers see these and no later ones. Spare capacity serves those that come at the end.
    pub attributes: Vec<KeyValue>,
    /// Other traces that it belongs to. The one of an untrusted caller is added by itself.
    pub links: Vec<Link>,
}

impl Described {
    /// A name without attributes and links.
    pub fn named(name: impl Into<Cow<'static, str>>) -> Self {
        Self { name: name.into(), ..Self::default() }
    }
}
