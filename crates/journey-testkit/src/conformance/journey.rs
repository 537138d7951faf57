//! Our own spans: stages and process signals, span types `journey.stage` and `journey.process` of the registry.

use journey_model::{Signal, StageOutcome, attribute};
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;

use super::finding::Findings;
use super::registry::Registry;
use super::span::Subject;

pub(super) fn check(subject: &Subject<'_>, findings: &mut Findings) {
    let own = Registry::own().spans.iter().find(|own| subject.has(&own.match_attribute));
    let Some(own) = own else {
        if subject.has(attribute::JOURNEY_SIGNAL) {
            findings.violation("span_type_unknown", "journey.signal on a span that is no signal");
        }
        return;
    };
    subject.kind_is(SpanKind::Internal, findings);
    let required: Vec<&str> = own.required.iter().map(String::as_str).collect();
    subject.require(&required, findings);
    let signal = subject.str(attribute::JOURNEY_SIGNAL).and_then(Signal::parse);
    match subject.str(attribute::JOURNEY_STAGE_NAME) {
        Some(stage) => {
            subject.name_is(&format!("stage {stage}"), findings);
            signal.into_iter().for_each(|signal| stage_signal(signal, subject, findings));
        }
        None => {
            subject.name_is("process", findings);
            signal_of_the_type(signal, signal == Some(Signal::Process), findings);
            zero_length(subject, findings);
        }
    }
}

/// What is conditional on the signal.
fn stage_signal(signal: Signal, subject: &Subject<'_>, findings: &mut Findings) {
    match signal {
        Signal::Start => {
            subject.require(&[attribute::JOURNEY_SEQ, SEQUENCE], findings);
            subject.refuse(&[attribute::JOURNEY_STAGE_OUTCOME, attribute::JOURNEY_STAGE_IDLE], findings);
            marker(subject, findings);
        }
        Signal::Beat => {
            subject.require(&[SEQUENCE, attribute::JOURNEY_STAGE_IDLE], findings);
            subject.refuse(&[attribute::JOURNEY_STAGE_OUTCOME, attribute::JOURNEY_SEQ], findings);
            marker(subject, findings);
        }
        Signal::End => {
            subject.require(&[attribute::JOURNEY_SEQ, attribute::JOURNEY_STAGE_OUTCOME], findings);
            subject.refuse(&[SEQUENCE, attribute::JOURNEY_STAGE_IDLE], findings);
            ending(subject, findings);
        }
        Signal::Process => signal_of_the_type(Some(signal), false, findings),
    }
}

/// A marker is a zero-length child of the stage span.
fn marker(subject: &Subject<'_>, findings: &mut Findings) {
    zero_length(subject, findings);
    if subject.span.parent_span_id.is_empty() {
        findings.violation("journey_marker_without_parent", "the stage span");
    }
    subject.refuse(&[attribute::ERROR_TYPE], findings);
}

fn ending(subject: &Subject<'_>, findings: &mut Findings) {
    let outcome = subject.str(attribute::JOURNEY_STAGE_OUTCOME).and_then(StageOutcome::parse);
    let failed = [StageOutcome::Failed, StageOutcome::Panicked, StageOutcome::TimedOut];
    if outcome.is_some_and(|outcome| failed.contains(&outcome)) {
        subject.require(&[attribute::ERROR_TYPE], findings);
    }
}

fn zero_length(subject: &Subject<'_>, findings: &mut Findings) {
    if subject.span.start_time_unix_nano != subject.span.end_time_unix_nano {
        findings.violation("journey_marker_with_length", "start and end differ");
    }
}

fn signal_of_the_type(signal: Option<Signal>, fits: bool, findings: &mut Findings) {
    if let (Some(signal), false) = (signal, fits) {
        findings.violation("journey_signal_mismatch", signal);
    }
}

const SEQUENCE: &str = attribute::JOURNEY_STAGE_HEARTBEAT_SEQUENCE;
