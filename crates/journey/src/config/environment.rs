//! A copy of the environment variables that concern us.

use std::collections::BTreeMap;
use std::fmt;

/// The variables `OTEL_*`, `JOURNEY_*` and those that tell where the process runs, as they were when init began.
#[derive(Clone, Default)]
pub(crate) struct Environment(BTreeMap<String, String>);

impl Environment {
    /// Those of the process. A value that is no UTF-8 counts as not set.
    pub(crate) fn of_process() -> Self {
        let variables = std::env::vars_os();
        Self::new(
            variables.filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?))),
        )
    }

    pub(crate) fn new(variables: impl IntoIterator<Item = (String, String)>) -> Self {
        Self(variables.into_iter().filter(|(name, _)| concerns_us(name)).collect())
    }

    /// The value without surrounding space. An empty one counts as not set, as the
    /// [OpenTelemetry specification](https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/)
    /// says.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(|value| value.trim()).filter(|value| !value.is_empty())
    }

    /// Whether the variable says `true`, in any case.
    pub(crate) fn is_true(&self, name: &str) -> bool {
        self.get(name).is_some_and(|value| value.eq_ignore_ascii_case("true"))
    }

    /// Whether the variable says `1` or `true`.
    pub(crate) fn is_one(&self, name: &str) -> bool {
        self.get(name) == Some("1") || self.is_true(name)
    }

    /// The names that are set to something.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str).filter(|name| self.get(name).is_some())
    }
}

/// The names alone: values may be secrets.
impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

fn concerns_us(name: &str) -> bool {
    PREFIXES.iter().any(|prefix| name.starts_with(prefix)) || PLACES.contains(&name)
}

const PREFIXES: [&str; 3] = ["OTEL_", "JOURNEY_", "K8S_"];

/// What Kubernetes, or a manifest by the downward API, says of the place.
const PLACES: [&str; 6] =
    ["HOSTNAME", "KUBERNETES_SERVICE_HOST", "NODE_NAME", "POD_NAME", "POD_NAMESPACE", "POD_UID"];
