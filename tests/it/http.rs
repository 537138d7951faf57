//! Scenarios of HTTP servers and clients: services that use only what `journey` publishes, real sockets, a real
//! collector. Everything that arrives is judged by [`journey_testkit::conformance`].

mod background;
mod clients;
mod connections;
mod edges;
mod endings;
mod identity;
mod metrics;
mod requests;
mod retries;
mod scene;
mod setups;
mod spans;
mod stages;
