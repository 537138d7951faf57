//! The HTTP cases: their time, and their instructions under callgrind.

use std::error::Error;

use journey_benches::{child, client, server};

fn main() -> Result<(), Box<dyn Error>> {
    child::run([server::cases(), client::cases()].into_iter().flatten().collect(), None)
}
