//! The cases of messages: their time.

use std::error::Error;

use journey_benches::{amqp, child};

fn main() -> Result<(), Box<dyn Error>> {
    child::run(amqp::cases(), None)
}
