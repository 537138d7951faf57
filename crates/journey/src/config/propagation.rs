//! Which headers of W3C are read and written, and whom they may go to.

use journey_trace::propagation::{self, Formats, HostList};

use crate::init::InitError;

use super::Environment;

/// What works without any export: `OTEL_PROPAGATORS` and `JOURNEY_PROPAGATE_TO`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Propagation {
    /// Headers that are read and written.
    pub(crate) formats: Formats,
    /// Further hosts for ids.
    pub(crate) hosts: HostList,
}

impl Propagation {
    /// # Errors
    /// A host that is none.
    pub(crate) fn read(environment: &Environment) -> Result<Self, InitError> {
        let hosts = environment.get(HOSTS).unwrap_or_default().parse();
        Ok(Self {
            formats: formats(environment),
            hosts: hosts.map_err(|error| InitError::rule(HOSTS, &error))?,
        })
    }

    /// Without further hosts, whatever is said of them.
    pub(crate) fn without_hosts(environment: &Environment) -> Self {
        Self { formats: formats(environment), hosts: HostList::default() }
    }

    /// Puts it in force, for the whole process.
    pub(crate) fn install(self) {
        propagation::set_formats(self.formats);
        propagation::set_propagate_to(self.hosts);
    }
}

/// Default: both. Unknown names are warned about; if there is no other, the default stays.
fn formats(environment: &Environment) -> Formats {
    let both = Formats { trace_context: true, baggage: true };
    let Some(text) = environment.get("OTEL_PROPAGATORS") else { return both };
    let text = text.to_ascii_lowercase();
    let names: Vec<&str> = text.split(',').map(str::trim).collect();
    if names.contains(&"none") {
        return Formats { trace_context: false, baggage: false };
    }
    let named =
        Formats { trace_context: names.contains(&"tracecontext"), baggage: names.contains(&"baggage") };
    if named.trace_context || named.baggage { named } else { both }
}

const HOSTS: &str = "JOURNEY_PROPAGATE_TO";
