//! Metrics of stages.

use std::time::Duration;

use journey_model::attribute::{ERROR_TYPE, JOURNEY_STAGE_NAME};

use super::{Active, Durations, Family, Labels, LabelsKey, Running};

/// Counts one more running stage of this name, until the result drops. `None` while nothing is measured.
pub(crate) fn stage_running(name: &str) -> Option<Active> {
    STAGES.with(|stages| stages.active.one(&Labels(&[(JOURNEY_STAGE_NAME, name)])))
}

/// Records how long a stage took. Does nothing while nothing is measured.
pub(crate) fn stage_duration(name: &str, error_type: Option<&str>, duration: Duration) {
    let ended = Labels(&[(JOURNEY_STAGE_NAME, name), (ERROR_TYPE, error_type.unwrap_or_default())]);
    STAGES.with(|stages| stages.duration.record(&ended, duration));
}

struct Stages {
    duration: Durations<LabelsKey>,
    active: Running<LabelsKey>,
}

static STAGES: Family<Stages> = Family::new(|meter| Stages {
    duration: Durations::new(
        meter,
        "journey.stage.duration",
        "Duration of a finished stage attempt.",
        STAGE_BUCKETS_S,
    ),
    active: Running::new(meter, "journey.stage.active", "Number of stages running now.", "{stage}"),
});

/// Stages take milliseconds (an order is created) to hours (a price is calculated).
const STAGE_BUCKETS_S: &[f64] =
    &[0.01, 0.1, 0.5, 1.0, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1200.0, 1800.0, 3600.0, 7200.0];
