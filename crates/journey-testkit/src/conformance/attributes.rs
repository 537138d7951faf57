//! Each attribute by itself: known, of its type, not deprecated.

use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value;

use super::finding::Findings;
use super::official::{self, Official};
use super::registry::{OwnType, Registry};
use super::span::{text, type_of, value};

pub(super) fn check(attributes: &[KeyValue], findings: &mut Findings) {
    for (index, attribute) in attributes.iter().enumerate() {
        let key = &*attribute.key;
        if attributes[..index].iter().any(|earlier| earlier.key == key) {
            findings.violation("duplicate_attribute", key);
        }
        match value(attribute) {
            Some(value) => known(key, value, findings),
            None => findings.violation("attribute_without_value", key),
        }
    }
}

fn known(key: &str, value: &Value, findings: &mut Findings) {
    if let Some(own) = Registry::own().type_of(key) {
        check_own(key, value, own, findings);
    } else if let Some(official) = official::find(key) {
        check_official(key, value, official, findings);
    } else if let Some(new) = official::replacement(key) {
        findings.violation("deprecated", format_args!("{key}: use {new}"));
    } else {
        unknown(key, findings);
    }
}

fn check_own(key: &str, value: &Value, own: &OwnType, findings: &mut Findings) {
    match own {
        OwnType::Plain(expected) | OwnType::Template(expected) => type_is(key, value, expected, findings),
        OwnType::Members(members) => {
            type_is(key, value, "string", findings);
            member_of(key, value, members.iter().map(String::as_str), findings);
        }
    }
    not_empty(key, value, findings);
}

fn check_official(key: &str, value: &Value, official: &Official, findings: &mut Findings) {
    type_is(key, value, official.kind, findings);
    if !official.members.is_empty() {
        member_of(key, value, official.members.iter().copied(), findings);
    }
    if !official.is_stable && !key.starts_with("messaging.") && !key.starts_with("user.") {
        findings.improvement("not_stable", key);
    }
    // `/orders?` has a query, an empty one.
    if key != "url.query" {
        not_empty(key, value, findings);
    }
}

fn type_is(key: &str, value: &Value, expected: &str, findings: &mut Findings) {
    let actual = type_of(value);
    // An empty list has no type of its own.
    if actual != expected && !(actual == "[]" && expected.ends_with("[]")) {
        findings.violation("type_mismatch", format_args!("{key} is {actual} instead of {expected}"));
    }
}

fn member_of<'m>(
    key: &str,
    value: &Value,
    mut members: impl Iterator<Item = &'m str>,
    findings: &mut Findings,
) {
    if let Some(text) = text(value)
        && !members.any(|member| member == text)
    {
        findings.violation("undefined_enum_variant", format_args!("{key}={text}"));
    }
}

fn not_empty(key: &str, value: &Value, findings: &mut Findings) {
    if text(value).is_some_and(str::is_empty) {
        findings.violation("empty_value", key);
    }
}

fn unknown(key: &str, findings: &mut Findings) {
    findings.violation("missing_attribute", key);
    if !is_well_formed(key) {
        findings.violation("invalid_format", key);
    }
    if official::is_namespace(key) {
        findings.violation("extends_namespace", key);
    }
    if !key.contains('.') {
        findings.improvement("missing_namespace", key);
    }
}

/// `^[a-z][a-z0-9]*([._][a-z0-9]+)*$`.
pub(super) fn is_well_formed(key: &str) -> bool {
    let is_part = |part: &str| {
        !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
    };
    key.starts_with(|first: char| first.is_ascii_lowercase()) && key.split(['.', '_']).all(is_part)
}
