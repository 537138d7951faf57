//! The cases of the analyzer: their time, and their instructions under callgrind.

use std::error::Error;

use journey_benches::{child, decode, engine};

fn main() -> Result<(), Box<dyn Error>> {
    child::run(decode::cases().into_iter().chain(engine::cases()).collect(), None)
}
