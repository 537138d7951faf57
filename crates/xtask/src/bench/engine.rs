//! From the bytes of a body to what changed: decoding, and the engine among so many open orders.

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

use super::{
    How,
    answers::Answers,
    goal::Goal,
    measure::{Bench, Figures},
    programs::Programs,
    report::Report,
};
use crate::{
    interrupt::Interrupt,
    progress::{Progress, Step},
};

/// Builds, measures, prints, and judges.
pub(super) fn run(how: &How, progress: &Progress, interrupt: &Interrupt) -> Result<()> {
    let programs = Programs::build_those(&[BENCH.program, BENCH.counting], progress, interrupt)?;
    let many = if how.quick { MANY_QUICK } else { MANY };
    let fits = |case: &str| open_orders(case).is_none_or(|orders| orders == FEW || orders == many);
    let figures = BENCH.measure_those(fits, how, &programs, progress, interrupt)?;
    let mut goals = Vec::new();
    if how.only.is_none() {
        decoding(&figures, &mut goals)?;
        following(&figures, many, how, &mut goals)?;
        progress.step("Weigh open orders", |step| weighing(&programs, many, step, &mut goals))?;
    }
    Report { figures, goals, answers: Answers::default() }.conclude(how)
}

const BENCH: Bench =
    Bench { program: "engine", counting: "engine_allocations", base, counts_instructions: true };

/// Each has its own.
fn base(_: &str) -> Option<String> {
    None
}

/// Of the case `engine/N`.
fn open_orders(case: &str) -> Option<u32> {
    case.strip_prefix("engine/")?.parse().ok()
}

fn decoding(figures: &[Figures], goals: &mut Vec<Goal>) -> Result<()> {
    let of = |decoder: &str| Report::of(figures, &format!("decode/{decoder}"));
    for (other, at_most) in DECODERS {
        let (ours, other_figures) = (of("journey")?, of(other)?);
        let what = |unit: &str| format!("decode, {unit}: journey / {other}");
        if let Some((ours, other)) = ours.instructions.zip(other_figures.instructions) {
            goals.push(Goal { what: what("instructions"), is: ours / other, at_most, gates: true });
        }
        goals.push(Goal { what: what("time"), is: ours.ns / other_figures.ns, at_most, gates: false });
    }
    let what = "decode: allocations per span".to_owned();
    let is = of("journey")?.allocations;
    goals.push(Goal { what, is, at_most: DECODE_ALLOCATIONS_MAX, gates: true });
    Ok(())
}

fn following(figures: &[Figures], many: u32, how: &How, goals: &mut Vec<Goal>) -> Result<()> {
    let of = |orders: u32| Report::of(figures, &format!("engine/{orders}"));
    let (few_figures, many_figures) = (of(FEW)?, of(many)?);
    for (orders, figures) in [(FEW, few_figures), (many, many_figures)] {
        let what = format!("engine, {orders} open orders: ns per signal");
        goals.push(Goal { what, is: figures.ns, at_most: SIGNAL_NS_MAX, gates: false });
    }
    if let Some((few, many_instructions)) = few_figures.instructions.zip(many_figures.instructions) {
        let what = format!("engine, instructions: {many} / {FEW} open orders");
        goals.push(Goal { what, is: many_instructions / few, at_most: GROWTH_INSTRUCTIONS_MAX, gates: true });
    }
    let what = format!("engine, time: {many} / {FEW} open orders");
    let is = many_figures.ns / few_figures.ns;
    goals.push(Goal { what, is, at_most: GROWTH_TIME_MAX, gates: !how.quick });
    Ok(())
}

/// An order that has three ids, two facets, a timer, and stages that all ended well.
fn weighing(programs: &Programs, orders: u32, step: &Step, goals: &mut Vec<Goal>) -> Result<()> {
    for (stages, events) in [(12, "12 attempts of stages"), (6, "12 starts and ends of stages")] {
        step.now(&format!("{orders}, {events}"));
        let weight = Weight::of(programs, orders, stages)?;
        let resting = weight.resting_bytes / f64::from(orders);
        let peak = weight.peak_bytes / f64::from(orders);
        let what = |when: &str| format!("memory, {orders} open orders, {events}: bytes per order {when}");
        goals.push(Goal { what: what("at rest"), is: resting, at_most: ORDER_BYTES_MAX, gates: true });
        goals.push(Goal { what: what("at the peak"), is: peak, at_most: ORDER_BYTES_MAX, gates: false });
    }
    Ok(())
}

/// What the allocator gave for all orders.
#[derive(Debug, Deserialize)]
struct Weight {
    resting_bytes: f64,
    peak_bytes: f64,
}

impl Weight {
    fn of(programs: &Programs, orders: u32, stages: u32) -> Result<Self> {
        let program = programs.program(BENCH.counting);
        let output = program.command().args(["weigh", &orders.to_string(), &stages.to_string()]).output()?;
        ensure!(output.status.success(), "{} weigh: {}", BENCH.counting, output.status);
        serde_json::from_slice(&output.stdout).context("no weight was told")
    }
}

/// Open orders that fit into the processor's caches, more or less.
const FEW: u32 = 10_000;
const MANY: u32 = 1_000_000;
/// Enough to see what grows with them.
const MANY_QUICK: u32 = 100_000;

/// An eighth of the official types' decoder, twice a walk that does only what it must.
const DECODERS: [(&str, f64); 2] = [("official", 0.125), ("bare", 2.0)];
/// Lists that a body of 512 spans begins with, and nothing per span.
const DECODE_ALLOCATIONS_MAX: f64 = 0.05;
/// A million signals per second.
const SIGNAL_NS_MAX: f64 = 1000.0;
const GROWTH_INSTRUCTIONS_MAX: f64 = 1.1;
const GROWTH_TIME_MAX: f64 = 2.0;
const ORDER_BYTES_MAX: f64 = 600.0;
