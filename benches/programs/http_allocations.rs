//! The HTTP cases, with an allocator that counts.

use std::error::Error;

use journey_benches::{child, client, server};

fn main() -> Result<(), Box<dyn Error>> {
    let cases = [server::cases(), client::cases()].into_iter().flatten().collect();
    child::run(cases, Some(|work| allocation_counter::measure(work).count_total))
}
