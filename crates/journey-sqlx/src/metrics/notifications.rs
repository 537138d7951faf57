//! Metrics of notifications and of those who listen for them.

use std::sync::Arc;

use journey_trace::metrics::{Counts, Family, Labels, LabelsKey, Series};
use opentelemetry::KeyValue;

use crate::target::Target;

/// Counts a notification that went without the context of its sender, because there was no room for it.
pub(crate) fn context_dropped() {
    NOTIFICATIONS.with(|notifications| notifications.context_dropped.add(&Labels(&[]), 1));
}

/// Counts a listener that has lost its connection, and with it what is notified until it listens again.
pub(crate) fn listener_lost(target: &Arc<Target>) {
    NOTIFICATIONS.with(|notifications| notifications.listener_losses.add(&OfTarget(target), 1));
}

struct Notifications {
    context_dropped: Counts<LabelsKey>,
    listener_losses: Counts<Arc<Target>>,
}

static NOTIFICATIONS: Family<Notifications> = Family::new(|meter| Notifications {
    context_dropped: Counts::new(
        meter,
        "journey.db.notification.context_dropped",
        "Number of notifications that had no room for the context of their sender.",
        "{notification}",
    ),
    listener_losses: Counts::new(
        meter,
        "journey.db.listener.losses",
        "Number of connections that listeners have lost, and with each what was notified meanwhile.",
        "{connection}",
    ),
});

/// What listeners are told apart by.
#[derive(Hash)]
struct OfTarget<'a>(&'a Arc<Target>);

impl Series for OfTarget<'_> {
    type Key = Arc<Target>;

    fn to_key(&self) -> Arc<Target> {
        Arc::clone(self.0)
    }

    fn is(&self, key: &Arc<Target>) -> bool {
        self.0 == key
    }

    fn attributes(&self) -> Vec<KeyValue> {
        self.0.attributes.clone()
    }
}
