//! The cases of calls to PostgreSQL, with an allocator that counts.

use std::error::Error;

use journey_benches::{child, sqlx};

fn main() -> Result<(), Box<dyn Error>> {
    child::run(sqlx::cases(), Some(|work| allocation_counter::measure(work).count_total))
}
