//! How to log, as the environment has it.

use crate::config::Environment;
use crate::init::InitError;

use super::Format;

/// The variables for log and bridge. `RUST_LOG` is read apart: it belongs to the service, not to us.
#[derive(Debug, Clone)]
pub(crate) struct LogSettings {
    /// `JOURNEY_LOG_FORMAT`.
    pub(super) format: Format,
    /// `JOURNEY_TRACE_FILTER`.
    #[cfg(feature = "bridge")]
    pub(super) bridge: crate::bridge::BridgeFilter,
}

impl Default for LogSettings {
    fn default() -> Self {
        Self {
            format: Format::text(),
            #[cfg(feature = "bridge")]
            bridge: crate::bridge::BridgeFilter::default(),
        }
    }
}

impl LogSettings {
    /// # Errors
    /// A variable that makes no sense.
    pub(crate) fn read(environment: &Environment) -> Result<Self, InitError> {
        Ok(Self {
            format: format(environment)?,
            #[cfg(feature = "bridge")]
            bridge: crate::bridge::BridgeFilter::read(environment)?,
        })
    }
}

fn format(environment: &Environment) -> Result<Format, InitError> {
    match environment.get(VARIABLE).map(str::to_ascii_lowercase).as_deref() {
        None | Some("text") => Ok(Format::text()),
        Some("json") => Ok(Format::json()),
        Some(other) => Err(InitError::value(VARIABLE, other, "text or json")),
    }
}

const VARIABLE: &str = "JOURNEY_LOG_FORMAT";
