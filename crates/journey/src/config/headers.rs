//! Headers of requests to a collector.

use percent_encoding::percent_decode_str;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};

use crate::init::InitError;

use super::Environment;
use super::signal::{Signal, general_variable};

/// `OTEL_EXPORTER_OTLP_HEADERS`, and over it those of the signal: `name=value` with commas between, percent-encoded.
pub(super) fn read(signal: Signal, environment: &Environment) -> Result<HeaderMap, InitError> {
    let mut headers = HeaderMap::new();
    for variable in [general_variable("HEADERS"), signal.own_variable("HEADERS")] {
        let members = environment.get(&variable).unwrap_or_default().split(',').map(str::trim);
        for member in members.filter(|member| !member.is_empty()) {
            // The value is not shown: it may be a secret.
            let (name, value) = header(member).ok_or_else(|| {
                InitError::value(&variable, "(not shown)", "a list of name=value with commas between")
            })?;
            headers.insert(name, value);
        }
    }
    Ok(headers)
}

fn header(member: &str) -> Option<(HeaderName, HeaderValue)> {
    let (name, value) = member.split_once('=')?;
    let value = percent_decode_str(value.trim()).decode_utf8().ok()?;
    let mut value = HeaderValue::from_str(&value).ok()?;
    value.set_sensitive(true);
    Some((name.trim().parse().ok()?, value))
}
