//! The cases of the analyzer, with an allocator that counts; and what open orders weigh.

use std::error::Error;

use allocation_counter::measure;
use journey_benches::engine::Following;
use journey_benches::{child, decode, engine};

fn main() -> Result<(), Box<dyn Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    if let [word, orders, stages] = &words[..]
        && word == "weigh"
    {
        weigh(orders.parse()?, stages.parse()?);
        return Ok(());
    }
    let cases = decode::cases().into_iter().chain(engine::cases()).collect();
    child::run(cases, Some(|work| measure(work).count_total))
}

/// Says what the allocator gave while every order went through so many stages, and what of it is still held.
fn weigh(orders: u32, stages: usize) {
    let mut following = Following::new(orders);
    let given = measure(|| following.grow(|orders, take| orders.go_to_stage(stages, take)));
    println!("{{\"resting_bytes\":{},\"peak_bytes\":{}}}", given.bytes_current, given.bytes_max);
}
