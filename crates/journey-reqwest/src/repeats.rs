//! How often a request was sent already; lives in the extensions, which the attempts of one request share.

use http::Extensions;

/// It was sent at least once. Has no size, and so no allocation of its own: most requests are sent once.
#[derive(Debug, Clone, Copy)]
struct Once;

/// It was sent as often as this, more than once.
#[derive(Debug, Clone, Copy)]
struct Often(u32);

/// The number of the next attempt, from 0.
pub(crate) fn sent_before(extensions: &Extensions) -> u32 {
    match (extensions.get::<Once>(), extensions.get::<Often>()) {
        (None, _) => 0,
        (Some(Once), None) => 1,
        (Some(Once), Some(Often(times))) => *times,
    }
}

/// Counts the attempt with this number.
pub(crate) fn count(extensions: &mut Extensions, number: u32) {
    if number == 0 {
        extensions.insert(Once);
    } else {
        extensions.insert(Often(number.saturating_add(1)));
    }
}
