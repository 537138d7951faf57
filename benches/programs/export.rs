//! The cases of the exporter: their time, and their instructions under callgrind.

use std::error::Error;

use journey_benches::{child, export};

fn main() -> Result<(), Box<dyn Error>> {
    child::run(export::cases(), None)
}
