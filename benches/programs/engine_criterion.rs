//! The cases of the analyzer by Criterion: distributions, and what changed since the last run.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use journey_benches::case::Cases;
use journey_benches::{decode, engine};

criterion_group!(benches, decoding, following);
criterion_main!(benches);

fn decoding(criterion: &mut Criterion) {
    measure(criterion, decode::cases());
}

/// With as many open orders as grow in seconds.
fn following(criterion: &mut Criterion) {
    let cases = engine::cases().into_iter().filter(|(name, _)| name == "engine/10000");
    measure(criterion, cases.collect());
}

/// Spans, or signals, per second of CPU time.
fn measure(criterion: &mut Criterion, cases: Cases) {
    for (name, set_up) in cases {
        let mut case = set_up();
        let mut group = criterion.benchmark_group(name);
        group.throughput(Throughput::Elements(case.per_call()));
        group.bench_function("cpu", |bencher| {
            bencher.iter_custom(|calls| case.time(calls).expect("every process may read its own clocks"));
        });
        group.finish();
    }
}
