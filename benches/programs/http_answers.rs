//! What each server layer gets right.

use std::error::Error;

use journey_benches::answers;

fn main() -> Result<(), Box<dyn Error>> {
    answers::run()
}
