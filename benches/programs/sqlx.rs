//! The cases of calls to PostgreSQL: their time.

use std::error::Error;

use journey_benches::{child, sqlx};

fn main() -> Result<(), Box<dyn Error>> {
    child::run(sqlx::cases(), None)
}
