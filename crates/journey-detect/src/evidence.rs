//! Steps that were perhaps not seen, and the missing numbers that excuse them.
//!
//! A journey claims each step that it misses; a hole in the numbers of an instance that does that step grants it, if
//! their times overlap. No more is granted than numbers are missing: claims are served from the earliest on, each by
//! the fitting hole that ends first, so the same facts give the same grants.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::instance::{Hole, Instances};
use crate::limits::CLAIMS_PER_JOURNEY_MAX;
use crate::{AttemptId, Nanos};

/// A missing step, as one journey sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ClaimId {
    /// The step that shows that it is missing.
    pub(crate) by: AttemptId,
    /// Tells apart what one step shows.
    pub(crate) what: u16,
}

/// A missing step that a hole may excuse.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Claim {
    pub(crate) id: ClaimId,
    /// The service that does it.
    pub(crate) service: Box<str>,
    /// From the start of the step before it to the end of the step after it.
    pub(crate) between_ns: (Nanos, Nanos),
}

/// The claims of all journeys. At most [`CLAIMS_PER_JOURNEY_MAX`] each; further ones are not granted.
#[derive(Debug, Default)]
pub(crate) struct Claims {
    of_journey: HashMap<Box<str>, Vec<Claim>>,
    of_service: BTreeMap<Box<str>, BTreeSet<Queued>>,
    granted: HashMap<Box<str>, BTreeSet<ClaimId>>,
    /// Services of which claims or holes changed.
    changed: BTreeSet<Box<str>>,
}

/// A claim in the order in which it is served.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Queued {
    to_ns: Nanos,
    from_ns: Nanos,
    journey: Box<str>,
    id: ClaimId,
}

impl Queued {
    fn new(journey: &str, claim: &Claim) -> Self {
        let (from_ns, to_ns) = claim.between_ns;
        Self { to_ns, from_ns, journey: journey.into(), id: claim.id }
    }
}

impl Claims {
    /// What a journey claims now.
    pub(crate) fn set(&mut self, journey: &str, mut claims: Vec<Claim>) {
        claims.truncate(CLAIMS_PER_JOURNEY_MAX);
        if self.of_journey.get(journey).map_or(&[][..], Vec::as_slice) == claims {
            return;
        }
        for old in self.of_journey.remove(journey).into_iter().flatten() {
            if let Some(queue) = self.of_service.get_mut(&old.service) {
                queue.remove(&Queued::new(journey, &old));
            }
            self.changed.insert(old.service);
        }
        for claim in &claims {
            self.of_service.entry(claim.service.clone()).or_default().insert(Queued::new(journey, claim));
            self.changed.insert(claim.service.clone());
        }
        if claims.is_empty() {
            self.granted.remove(journey);
        } else {
            self.of_journey.insert(journey.into(), claims);
        }
    }

    /// Holes of this service may have changed.
    pub(crate) fn note_holes(&mut self, service: &str) {
        if self.of_service.contains_key(service) {
            self.changed.insert(service.into());
        }
    }

    /// What is granted to a journey.
    pub(crate) fn granted(&self, journey: &str) -> BTreeSet<ClaimId> {
        self.granted.get(journey).cloned().unwrap_or_default()
    }

    /// Serves the claims anew where something changed. Returns the journeys that are granted other things now.
    pub(crate) fn serve(&mut self, instances: &Instances) -> BTreeSet<Box<str>> {
        let mut affected = BTreeSet::new();
        for service in std::mem::take(&mut self.changed) {
            let Some(queue) = self.of_service.get(&service) else { continue };
            let mut holes: Vec<Hole> = instances.of(&service).flat_map(|instance| instance.holes()).collect();
            holes.sort_by_key(|hole| (hole.between_ns.1, hole.between_ns.0));
            for queued in queue {
                // Holes that end before the step began cannot hold it.
                let first = holes.partition_point(|hole| hole.between_ns.1 < queued.from_ns);
                let fitting = holes[first..]
                    .iter_mut()
                    .find(|hole| hole.missing > 0 && hole.between_ns.0 <= queued.to_ns);
                let is_granted = fitting.map(|hole| hole.missing -= 1).is_some();
                let granted = self.granted.entry(queued.journey.clone()).or_default();
                let was_granted = granted.contains(&queued.id);
                if is_granted != was_granted {
                    affected.insert(queued.journey.clone());
                }
                if is_granted {
                    granted.insert(queued.id)
                } else {
                    granted.remove(&queued.id)
                };
            }
            if queue.is_empty() {
                self.of_service.remove(&service);
            }
        }
        affected
    }
}

#[cfg(test)]
mod tests {
    use journey_model::{SpanId, TraceId};

    use super::*;
    use crate::observation::Numbered;

    fn claim(n: u64, between_ns: (Nanos, Nanos)) -> Claim {
        let by = AttemptId {
            trace_id: TraceId::from_bytes(u128::from(n).to_be_bytes()).unwrap(),
            span_id: SpanId::from_bytes(n.to_be_bytes()).unwrap(),
        };
        Claim { id: ClaimId { by, what: 0 }, service: "s".into(), between_ns }
    }

    /// Scenario: three orders miss a step where two numbers are missing, one misses it elsewhere; then a number comes.
    /// Guarantees: no more is granted than is missing, the earliest first, and taken back when the number comes.
    #[test]
    fn no_more_is_granted_than_is_missing() {
        let mut instances = Instances::default();
        for seq in [1, 2, 5] {
            instances.number("i", "s", seq * 10, Numbered { seq, between_ns: (seq * 10, seq * 10) });
        }
        let mut claims = Claims::default();
        for (journey, n, between) in
            [("d", 4, (60, 90)), ("c", 3, (30, 43)), ("b", 2, (30, 42)), ("a", 1, (5, 41))]
        {
            claims.set(journey, vec![claim(n, between)]);
        }
        assert_eq!(claims.serve(&instances).into_iter().collect::<Vec<_>>(), ["a".into(), "b".into()]);
        instances.number("i", "s", 30, Numbered { seq: 3, between_ns: (30, 30) });
        claims.note_holes("s");
        assert_eq!(claims.serve(&instances).into_iter().collect::<Vec<_>>(), ["b".into()]);
        assert_eq!((claims.granted("a").len(), claims.granted("b").len()), (1, 0));
        claims.set("a", Vec::new());
        assert_eq!(claims.serve(&instances).into_iter().collect::<Vec<_>>(), ["b".into()]);
    }
}
