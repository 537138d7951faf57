//! What every order of the load does: twelve stages of the shipped definition, thirty signals.

use journey_model::Signal;

/// A stage of the script.
pub(crate) struct Stage {
    pub(crate) name: &'static str,
    pub(crate) span_name: &'static str,
    /// 0 shop-api, 1 crm-api, 2 mes-api.
    pub(crate) service: usize,
    /// Which trace of the order it is in.
    pub(crate) trace: u64,
    /// Beats between its start and its end.
    beats: u8,
}

/// One signal of the script.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Step {
    /// Its place in the script, from 0.
    pub(crate) number: u8,
    /// Index of its stage in [`STAGES`].
    pub(crate) stage: usize,
    pub(crate) signal: Signal,
    /// Number of the beat, from 1; 0 for other signals.
    pub(crate) beat: u8,
    /// Rounds since the start of the stage.
    pub(crate) lasted_rounds: u64,
}

/// The script, signal by signal.
pub(crate) fn steps() -> Vec<Step> {
    let mut steps = Vec::new();
    for (stage, told) in STAGES.iter().enumerate() {
        let beats = (1..=told.beats).map(|beat| (Signal::Beat, beat));
        let signals = [(Signal::Start, 0)].into_iter().chain(beats).chain([(Signal::End, 0)]);
        for (lasted, (signal, beat)) in signals.enumerate() {
            let number = u8::try_from(steps.len()).expect("the script is short");
            steps.push(Step { number, stage, signal, beat, lasted_rounds: lasted as u64 });
        }
    }
    steps
}

/// The last of them leaves the order waiting for people, for days.
pub(crate) const STAGES: [Stage; 12] = [
    stage("model_upload", "stage model_upload", 0, 0, 0),
    stage("order_create", "stage order_create", 1, 0, 0),
    stage("price.load_model", "stage price.load_model", 2, 0, 2),
    stage("price.simplify_model", "stage price.simplify_model", 2, 0, 2),
    stage("price.estimate", "stage price.estimate", 2, 0, 1),
    stage("price.final", "stage price.final", 2, 0, 1),
    stage("price_form", "stage price_form", 1, 0, 0),
    stage("price_accept", "stage price_accept", 1, 1, 0),
    stage("production_take", "stage production_take", 2, 1, 0),
    stage("status.in_production.mes", "stage status.in_production.mes", 2, 2, 0),
    stage("status.in_production.crm", "stage status.in_production.crm", 1, 2, 0),
    stage("status.in_production.shop", "stage status.in_production.shop", 0, 2, 0),
];

const fn stage(name: &'static str, span_name: &'static str, service: usize, trace: u64, beats: u8) -> Stage {
    Stage { name, span_name, service, trace, beats }
}
