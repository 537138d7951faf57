//! Scenarios against real servers on loopback, seen through an in-memory exporter.

mod endings;
mod metrics;
mod propagation;
mod redirects;
mod retries;
mod spans;
mod support;
