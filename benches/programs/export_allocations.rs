//! The cases of the exporter, with an allocator that counts.

use std::error::Error;

use journey_benches::{child, export};

fn main() -> Result<(), Box<dyn Error>> {
    child::run(export::cases(), Some(|work| allocation_counter::measure(work).count_total))
}
