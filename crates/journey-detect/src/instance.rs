//! Service instances: who runs, who stopped, who vanished without a word.

use std::collections::HashMap;

use journey_model::ProcessState;

use crate::limits::{INSTANCES_MAX, PROCESS_SIGNALS_MISSED_MAX};
use crate::observation::ProcessSignal;
use crate::{Allowance, Nanos, Sight};

/// One process of a service, from its start to its last word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Instance {
    /// `service.instance.id`.
    pub id: Box<str>,
    /// `service.name`.
    pub service: Box<str>,
    /// Event time of its first signal.
    pub first_ns: Nanos,
    /// Event time of its last signal.
    pub last_ns: Nanos,
    /// The last number of `journey.seq` that it said it used.
    pub seq: u64,
    /// Whether it said that it stops.
    pub stopped: bool,
}

/// All instances that are remembered.
#[derive(Debug, Default)]
pub(crate) struct Instances {
    by_id: HashMap<Box<str>, Instance>,
}

impl Instances {
    /// Notes that an instance showed. A span without an instance id says nothing.
    pub(crate) fn saw(&mut self, id: &str, service: &str, at_ns: Nanos) -> Option<&mut Instance> {
        if id.is_empty() {
            return None;
        }
        if !self.by_id.contains_key(id) {
            self.make_room();
            let instance = Instance {
                id: id.into(),
                service: service.into(),
                first_ns: at_ns,
                last_ns: at_ns,
                seq: 0,
                stopped: false,
            };
            self.by_id.insert(id.into(), instance);
        }
        let instance = self.by_id.get_mut(id)?;
        instance.first_ns = instance.first_ns.min(at_ns);
        instance.last_ns = instance.last_ns.max(at_ns);
        Some(instance)
    }

    pub(crate) fn signal(&mut self, id: &str, service: &str, signal: &ProcessSignal) {
        if let Some(instance) = self.saw(id, service, signal.at_ns) {
            instance.seq = instance.seq.max(signal.seq);
            instance.stopped |= signal.state == ProcessState::Stopping;
        }
    }

    pub(crate) fn restore(&mut self, instance: Instance) {
        self.by_id.insert(instance.id.clone(), instance);
    }

    pub(crate) fn get(&self, id: &str) -> Option<&Instance> {
        self.by_id.get(id)
    }

    /// Whether an instance of the service ended between the two moments without its last word.
    pub(crate) fn one_vanished(
        &self,
        service: &str,
        between: (Nanos, Nanos),
        interval_ns: Nanos,
        sight: Sight,
        now: Nanos,
    ) -> bool {
        let patience = Allowance::Elapsed(interval_ns.saturating_mul(PROCESS_SIGNALS_MISSED_MAX));
        self.by_id.values().any(|instance| {
            let is_silent =
                sight.deadline(instance.last_ns, patience).is_some_and(|deadline| deadline <= now);
            // What it did after its last signal was not seen, up to one interval.
            let ended = (instance.last_ns, instance.last_ns.saturating_add(interval_ns));
            *instance.service == *service
                && !instance.stopped
                && is_silent
                && ended.0 <= between.1
                && ended.1 >= between.0
        })
    }

    fn make_room(&mut self) {
        if self.by_id.len() >= INSTANCES_MAX {
            let silent = self.by_id.values().min_by_key(|instance| (instance.last_ns, instance.id.clone()));
            if let Some(id) = silent.map(|instance| instance.id.clone()) {
                self.by_id.remove(&id);
            }
        }
    }
}
