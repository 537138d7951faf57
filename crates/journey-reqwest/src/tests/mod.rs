//! Scenarios against real servers on loopback, seen through an in-memory exporter.

mod endings;
mod propagation;
mod redirects;
mod spans;
mod support;
