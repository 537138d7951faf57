//! Steps that were perhaps not seen, and the missing numbers that excuse them.
//!
//! A journey claims each step that it misses; a hole in the numbers of an instance that does that step grants it, if
//! their times overlap. No more is granted than numbers are missing: claims are served from the earliest on, each by
//! the fitting hole that ends first, so the same facts give the same grants.

use std::collections::{BTreeMap, BTreeSet};

use foldhash::HashMap;

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
    /// The services that do it; several where it can have been one of several stages.
    pub(crate) services: BTreeSet<Box<str>>,
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
    services: BTreeSet<Box<str>>,
}

impl Queued {
    fn new(journey: &str, claim: &Claim) -> Self {
        let (from_ns, to_ns) = claim.between_ns;
        Self { to_ns, from_ns, journey: journey.into(), id: claim.id, services: claim.services.clone() }
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
            let queued = Queued::new(journey, &old);
            for service in old.services {
                if let Some(queue) = self.of_service.get_mut(&service) {
                    queue.remove(&queued);
                }
                self.changed.insert(service);
            }
        }
        for claim in &claims {
            let queued = Queued::new(journey, claim);
            for service in &claim.services {
                self.of_service.entry(service.clone()).or_default().insert(queued.clone());
                self.changed.insert(service.clone());
            }
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
    pub(crate) fn granted(&self, journey: &str) -> Option<&BTreeSet<ClaimId>> {
        self.granted.get(journey)
    }

    /// Serves the claims anew where something changed. Returns the journeys that are granted other things now.
    pub(crate) fn serve(&mut self, instances: &Instances) -> BTreeSet<Box<str>> {
        let mut affected = BTreeSet::new();
        while let Some(service) = self.changed.first() {
            let (services, queue) = self.together(service.clone());
            self.changed.retain(|service| !services.contains(service));
            let mut holes = Holes::of(&services, instances);
            for queued in queue {
                let is_granted = holes.take(&queued);
                let granted = self.granted.entry(queued.journey.clone()).or_default();
                let is_new = if is_granted { granted.insert(queued.id) } else { granted.remove(&queued.id) };
                if is_new {
                    affected.insert(queued.journey);
                }
            }
        }
        self.of_service.retain(|_, queue| !queue.is_empty());
        affected
    }

    /// The services whose holes serve the same claims as those of this one, and these claims.
    fn together(&self, service: Box<str>) -> (BTreeSet<Box<str>>, BTreeSet<Queued>) {
        let mut services = BTreeSet::from([service.clone()]);
        let mut queue = BTreeSet::new();
        let mut open = vec![service];
        while let Some(service) = open.pop() {
            for queued in self.of_service.get(&service).into_iter().flatten() {
                let others = queued.services.iter().filter(|other| services.insert((*other).clone()));
                open.extend(others.cloned().collect::<Vec<_>>());
                queue.insert(queued.clone());
            }
        }
        (services, queue)
    }
}

/// Holes that are not used up yet.
struct Holes<'s> {
    /// The service of each hole, by when they end.
    all: Vec<(&'s str, Hole)>,
}

impl<'s> Holes<'s> {
    fn of(services: &'s BTreeSet<Box<str>>, instances: &Instances) -> Self {
        let mut all: Vec<(&str, Hole)> = Vec::new();
        for service in services {
            let holes = instances.of(service).flat_map(|instance| instance.holes());
            all.extend(holes.map(|hole| (&**service, hole)));
        }
        all.sort_by_key(|(service, hole)| (hole.between_ns.1, hole.between_ns.0, *service));
        Self { all }
    }

    /// Takes one number of the fitting hole that ends first.
    fn take(&mut self, claim: &Queued) -> bool {
        // Holes that end before the step began cannot hold it.
        let first = self.all.partition_point(|(_, hole)| hole.between_ns.1 < claim.from_ns);
        let fitting = self.all[first..].iter_mut().find(|(service, hole)| {
            hole.missing > 0 && hole.between_ns.0 <= claim.to_ns && claim.services.contains(*service)
        });
        fitting.map(|(_, hole)| hole.missing -= 1).is_some()
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
        Claim { id: ClaimId { by, what: 0 }, services: BTreeSet::from(["s".into()]), between_ns }
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
        assert_eq!(
            (claims.granted("a").map(BTreeSet::len), claims.granted("b").map(BTreeSet::len)),
            (Some(1), Some(0))
        );
        claims.set("a", Vec::new());
        assert_eq!(claims.serve(&instances).into_iter().collect::<Vec<_>>(), ["b".into()]);
    }
}
