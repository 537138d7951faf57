//! `journey::init!` against a collector that works, hangs, refuses, or is not there.

mod alone;
mod export;
mod identity;
mod outage;
mod received;
