//! Who sends: section "Resource" of the conventions.

use opentelemetry_proto::tonic::resource::v1::Resource;

use super::attributes;
use super::finding::Findings;
use super::span::{text, value};

pub(super) fn check(resource: Option<&Resource>, findings: &mut Findings) {
    let given = resource.map(|resource| &resource.attributes[..]).unwrap_or_default();
    attributes::check(given, findings);
    let find = |key: &str| given.iter().find(|kv| kv.key == key).and_then(value).and_then(text);
    match find("service.name") {
        None => findings.violation("resource_service_name", "none is given"),
        Some(name) if name.starts_with("unknown_service") => {
            findings.violation("resource_service_name", name)
        }
        Some(_) => {}
    }
    for key in RECOMMENDED.iter().filter(|key| find(key).is_none()) {
        findings.improvement("resource_attribute_not_present", key);
    }
}

const RECOMMENDED: [&str; 4] =
    ["deployment.environment.name", "service.instance.id", "service.namespace", "service.version"];
