//! Which spans of `tracing` are bridged.

use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::{FilterExt, filter_fn};
use tracing_subscriber::layer::Filter;

use crate::config::Environment;
use crate::init::InitError;

/// `JOURNEY_TRACE_FILTER`, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct BridgeFilter {
    directives: String,
}

impl Default for BridgeFilter {
    fn default() -> Self {
        Self { directives: format!("{INFRASTRUCTURE},{DEFAULT}") }
    }
}

impl BridgeFilter {
    /// # Errors
    /// The variable is no list of directives.
    pub(crate) fn read(environment: &Environment) -> Result<Self, InitError> {
        let given = environment.get(VARIABLE).unwrap_or(DEFAULT);
        let directives = format!("{INFRASTRUCTURE},{given}");
        match EnvFilter::try_new(&directives) {
            Ok(_) => Ok(Self { directives }),
            Err(_) => Err(InitError::value(VARIABLE, given, "directives such as info,shop_api=debug")),
        }
    }

    /// That of the process. A value that init would refuse counts as not set.
    pub(super) fn of_process() -> Self {
        let given = Self::read(&Environment::of_process());
        given.unwrap_or_default()
    }

    /// Events are left out: they are log lines, and the log has them with the ids of trace and order.
    pub(super) fn into_filter<S>(self) -> impl Filter<S> {
        EnvFilter::new(self.directives).and(filter_fn(|metadata| metadata.is_span()))
    }
}

const VARIABLE: &str = "JOURNEY_TRACE_FILTER";
const DEFAULT: &str = "info";

/// Stands before the given directives, so one that names such a target wins. Each stands for all targets that begin
/// with it. `lapin::io_loop` is one span as long as its connection.
const INFRASTRUCTURE: &str = "h2=off,hyper=off,lapin=off,reqwest=off,tonic=off,tower=off";
