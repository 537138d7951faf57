//! How a test learns where a real part runs.

use std::env;

/// Set to `1` by `cargo xtask test`: a test that would be skipped fails instead.
pub const REQUIRE_SERVICES: &str = "JOURNEY_REQUIRE_SERVICES";

/// The URL in environment variable `name` (`JOURNEY_AMQP_URL`, `JOURNEY_PG_URL`, `JOURNEY_ALERTMANAGER_URL`).
///
/// `None` means that the caller skips its test, which is right for a plain `cargo test` on a machine without the part.
///
/// # Panics
///
/// If the variable is unset or empty while `JOURNEY_REQUIRE_SERVICES=1`: a skipped test must not pass for a green one.
pub fn env_url(name: &str) -> Option<String> {
    let url = env::var(name).ok().filter(|url| !url.is_empty());
    assert!(
        url.is_some() || !services_required(),
        "{name} is not set, but {REQUIRE_SERVICES}=1 forbids to skip a test; run `cargo xtask test`"
    );
    url
}

/// Whether a skipped test has to fail.
pub(crate) fn services_required() -> bool {
    env::var(REQUIRE_SERVICES).is_ok_and(|value| value == "1")
}
