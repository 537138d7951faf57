//! The tower client layer against real servers on loopback, around hyper-util's client and a tonic channel, seen
//! through in-memory exporters.

mod endings;
mod grpc;
mod metrics;
mod propagation;
mod retries;
mod spans;
mod support;
