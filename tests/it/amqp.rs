//! Publishing and consuming through `journey-lapin` against a real RabbitMQ.

mod attempts;
mod batches;
mod bench;
mod consume;
mod faults;
mod long_jobs;
mod measured;
mod peers;
mod publish;
mod pull;
mod recovery;
mod rpc;
mod timeouts;
mod traces;
