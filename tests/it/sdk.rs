//! `journey::init!` against a collector that works, hangs, refuses, or is not there.

pub(crate) mod alone;
mod capture;
mod console;
mod export;
mod identity;
mod log;
mod metrics;
mod outage;
mod protocols;
pub(crate) mod received;
mod shutdown;
#[cfg(unix)]
mod signals;
mod start;
