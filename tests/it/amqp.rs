//! Publishing and consuming through `journey-lapin` against a real RabbitMQ.

mod bench;
mod consume;
mod publish;
