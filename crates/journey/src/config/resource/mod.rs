//! Who sends: the OTLP resource.

mod container;
mod host;
mod kubernetes;
mod root;

use std::path::Path;

use journey_model::{Attribute, Resource, attribute};
use opentelemetry_sdk::resource::{ResourceDetector, TelemetryResourceDetector};
use percent_encoding::percent_decode_str;
use uuid::Uuid;

use crate::init::InitError;

use super::{Environment, Wishes};
use root::Root;

/// Service, version, instance, `OTEL_RESOURCE_ATTRIBUTES`, and where the process runs.
///
/// `root` is the root of the file system. No process is started for it, and nothing that cannot be read is an error.
pub(super) fn read(
    environment: &Environment,
    wishes: &Wishes,
    root: &Path,
) -> Result<Resource<'static>, InitError> {
    let mut given = given(environment)?;
    if let Some(service) = environment.get("OTEL_SERVICE_NAME") {
        set(&mut given, attribute::SERVICE_NAME, service.to_owned());
    }
    let defaults = [
        (attribute::SERVICE_NAME, Some(&wishes.service)),
        (attribute::SERVICE_VERSION, wishes.version.as_ref()),
        (VCS_REVISION, wishes.revision.as_ref()),
    ];
    for (key, value) in defaults {
        if let Some(value) = value.filter(|_| !is_given(&given, key)) {
            set(&mut given, key, value.clone());
        }
    }
    let instance = instance(given.iter().find(|(name, _)| name == attribute::SERVICE_INSTANCE_ID));
    set(&mut given, attribute::SERVICE_INSTANCE_ID, instance);
    let found = place(environment, Root(root)).chain(sdk());
    let found: Vec<_> = found.filter(|found| !is_given(&given, &found.key)).collect();
    let mut attributes: Vec<_> = given.into_iter().map(|(key, value)| Attribute::new(key, value)).collect();
    attributes.extend(found);
    Ok(Resource { attributes })
}

/// Where the process runs. What somebody says in `OTEL_RESOURCE_ATTRIBUTES` wins over it.
fn place(environment: &Environment, root: Root<'_>) -> impl Iterator<Item = Attribute<'static>> {
    let kubernetes = kubernetes::detect(environment, root);
    host::detect(environment, root).chain(container::detect(root)).chain(kubernetes)
}

/// Unique per process start, since the numbers of the lane begin anew with each: a configured id gets a suffix.
fn instance(configured: Option<&(String, String)>) -> String {
    let unique = Uuid::new_v4();
    configured.map_or_else(|| unique.to_string(), |(_, id)| format!("{id}-{unique}"))
}

/// `OTEL_RESOURCE_ATTRIBUTES`: `key=value` with commas between, percent-encoded.
fn given(environment: &Environment) -> Result<Vec<(String, String)>, InitError> {
    let mut attributes = Vec::new();
    let text = environment.get(VARIABLE).unwrap_or_default();
    for member in text.split(',').map(str::trim).filter(|member| !member.is_empty()) {
        let (key, value) = decode(member).ok_or_else(|| {
            InitError::value(VARIABLE, member, "key=value with commas between, percent-encoded")
        })?;
        set(&mut attributes, &key, value);
    }
    Ok(attributes)
}

fn decode(member: &str) -> Option<(String, String)> {
    let (key, value) = member.split_once('=')?;
    let decode = |text: &str| percent_decode_str(text.trim()).decode_utf8().map(String::from).ok();
    Some((decode(key).filter(|key| !key.is_empty())?, decode(value)?))
}

fn set(attributes: &mut Vec<(String, String)>, key: &str, value: String) {
    match attributes.iter_mut().find(|(name, _)| name == key) {
        Some(attribute) => attribute.1 = value,
        None => attributes.push((key.to_owned(), value)),
    }
}

fn is_given(attributes: &[(String, String)], key: &str) -> bool {
    attributes.iter().any(|(name, _)| name == key)
}

/// `telemetry.sdk.*`, which the specification asks for, and who puts it together.
fn sdk() -> impl Iterator<Item = Attribute<'static>> {
    let sdk = TelemetryResourceDetector.detect();
    let mut attributes: Vec<_> =
        sdk.iter().map(|(key, value)| Attribute::new(key.to_string(), value.to_string())).collect();
    attributes.sort_by(|one, other| one.key.cmp(&other.key));
    let distro =
        [("telemetry.distro.name", "journey"), ("telemetry.distro.version", env!("CARGO_PKG_VERSION"))];
    attributes.into_iter().chain(distro.map(|(key, value)| Attribute::new(key, value)))
}

const VARIABLE: &str = "OTEL_RESOURCE_ATTRIBUTES";

/// Official: the revision that was built.
const VCS_REVISION: &str = "vcs.ref.head.revision";

#[cfg(test)]
mod tests;
