//! Our own names: `registry/*.yaml` of `journey-model`.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use saphyr::{LoadableYamlNode, Yaml};

use super::metrics::Known;

/// What the registry declares.
#[derive(Debug)]
pub(super) struct Registry {
    /// Schema URL of the manifest.
    pub(super) schema_url: String,
    attributes: BTreeMap<String, OwnType>,
    /// Span types, told by an attribute of theirs.
    pub(super) spans: Vec<OwnSpan>,
    /// Metrics.
    pub(super) metrics: Vec<Known>,
}

/// Type of an own attribute.
#[derive(Debug, PartialEq)]
pub(super) enum OwnType {
    /// `string`, `int`, `double` or `boolean`.
    Plain(String),
    /// A closed list.
    Members(Vec<String>),
    /// One attribute per name, each of this type.
    Template(String),
}

/// A span type of ours.
#[derive(Debug)]
pub(super) struct OwnSpan {
    /// A span with this attribute is of this type.
    pub(super) match_attribute: String,
    /// Attributes that are always there.
    pub(super) required: Vec<String>,
}

impl Registry {
    /// The registry of this workspace.
    pub(super) fn own() -> &'static Self {
        static OWN: OnceLock<Registry> = OnceLock::new();
        OWN.get_or_init(Self::read)
    }

    /// The type of an own attribute, a template's for each of its attributes.
    pub(super) fn type_of(&self, key: &str) -> Option<&OwnType> {
        let is_template = |own: &&OwnType| matches!(own, OwnType::Template(_));
        match self.attributes.get(key) {
            Some(own) if !is_template(&own) => Some(own),
            _ => self.attributes.get(key.rsplit_once('.')?.0).filter(is_template),
        }
    }

    fn read() -> Self {
        let (manifest, attributes, signals) = (document(MANIFEST), document(ATTRIBUTES), document(SIGNALS));
        Self {
            schema_url: text(&manifest, "schema_url"),
            attributes: list(&attributes, "attributes")
                .map(|one| (text(one, "key"), own_type(one)))
                .collect(),
            spans: list(&signals, "spans").map(own_span).collect(),
            metrics: list(&signals, "metrics").map(own_metric).collect(),
        }
    }
}

fn own_type(attribute: &Yaml<'_>) -> OwnType {
    let declared = attribute.as_mapping_get("type").expect("each attribute of the registry has a type");
    match declared.as_str() {
        Some(plain) => match plain.strip_prefix("template[").and_then(|rest| rest.strip_suffix(']')) {
            Some(inner) => OwnType::Template(inner.to_owned()),
            None => OwnType::Plain(plain.to_owned()),
        },
        None => OwnType::Members(list(declared, "members").map(|member| text(member, "value")).collect()),
    }
}

fn own_span(span: &Yaml<'_>) -> OwnSpan {
    let live_check = span.as_mapping_get("annotations").and_then(|notes| notes.as_mapping_get("live_check"));
    OwnSpan {
        match_attribute: text(live_check.expect("each span type says how to tell it"), "match_attribute"),
        required: refs(span, true),
    }
}

fn own_metric(metric: &Yaml<'_>) -> Known {
    Known {
        name: text(metric, "name"),
        instrument: text(metric, "instrument"),
        unit: text(metric, "unit"),
        required: refs(metric, true),
        allowed: refs(metric, false),
        buckets: &[],
    }
}

/// Keys of the attributes of a span or metric, those that are required or all others.
fn refs(of: &Yaml<'_>, required: bool) -> Vec<String> {
    let is_required = |attribute: &Yaml<'_>| {
        attribute.as_mapping_get("requirement_level").and_then(Yaml::as_str) == Some("required")
    };
    let fitting = list(of, "attributes").filter(|one| is_required(one) == required);
    fitting.filter(|one| one.as_mapping_get("ref").is_some()).map(|one| text(one, "ref")).collect()
}

fn document(text: &'static str) -> Yaml<'static> {
    let mut documents = Yaml::load_from_str(text).expect("the registry is YAML");
    documents.swap_remove(0)
}

fn list<'n, 'i>(node: &'n Yaml<'i>, key: &str) -> impl Iterator<Item = &'n Yaml<'i>> {
    node.as_mapping_get(key).and_then(Yaml::as_vec).into_iter().flatten()
}

fn text(node: &Yaml<'_>, key: &str) -> String {
    let found = node.as_mapping_get(key).and_then(Yaml::as_str);
    found.unwrap_or_else(|| panic!("the registry has a text under {key}")).to_owned()
}

const MANIFEST: &str = include_str!("../../../journey-model/registry/manifest.yaml");
const ATTRIBUTES: &str = include_str!("../../../journey-model/registry/attributes.yaml");
const SIGNALS: &str = include_str!("../../../journey-model/registry/signals.yaml");

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conformance::attributes::is_well_formed;
    use crate::conformance::official::is_namespace;

    /// Scenario: the registry of this workspace.
    /// Guarantees: plain types, closed lists, templates and span types are read as they are declared.
    #[test]
    fn the_registry_is_read() {
        let own = Registry::own();
        assert_eq!(own.schema_url, journey_model::attribute::JOURNEY_SCHEMA_URL);
        assert_eq!(own.attributes.len(), journey_model::attribute::OWN.len());
        assert_eq!(own.type_of("journey.seq"), Some(&OwnType::Plain("int".into())));
        assert_eq!(own.type_of("journey.facet.material"), Some(&OwnType::Template("string".into())));
        assert_eq!(own.type_of("journey.facet"), None);
        assert_eq!(own.type_of("order.id.x"), None);
        let signals = ["start", "beat", "end", "process"].map(str::to_owned);
        assert_eq!(own.type_of("journey.signal"), Some(&OwnType::Members(signals.into())));
        let [stage, process] = &own.spans[..] else { panic!("two span types") };
        assert_eq!(
            stage.required,
            ["journey.signal", "journey.stage.name", "journey.stage.attempt", "journey.head_sampled"]
        );
        assert_eq!(process.match_attribute, "journey.process.state");
    }

    /// Scenario: each own name beside the others and beside OpenTelemetry's.
    /// Guarantees: it is well formed, in a namespace of ours, and no namespace of another name.
    #[test]
    fn own_names_stay_in_their_place() {
        let keys: Vec<&String> = Registry::own().attributes.keys().collect();
        for key in &keys {
            assert!(is_well_formed(key) && key.contains('.'), "{key}");
            assert!(!is_namespace(key), "{key} is in a namespace of OpenTelemetry's");
            let below = keys.iter().find(|other| other.starts_with(&format!("{key}.")));
            assert_eq!(below, None, "{key} is an attribute and a namespace");
        }
    }
}
