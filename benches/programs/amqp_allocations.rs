//! The cases of messages, with an allocator that counts.

use std::error::Error;

use journey_benches::{amqp, child};

fn main() -> Result<(), Box<dyn Error>> {
    child::run(amqp::cases(), Some(|work| allocation_counter::measure(work).count_total))
}
