//! Destinations that repeat from message to message.

use std::sync::{Arc, Mutex, PoisonError};

use crate::limits::{KEPT_AFTER, RECENT_DESTINATIONS_MAX};
use crate::settings::Template;

use super::{Destination, Place};

/// The last destinations of one channel. A service sends and reads a few, over and over: their names are not worth
/// some allocations per message.
#[derive(Default)]
pub(crate) struct Recent {
    /// Held for one look.
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    destinations: Vec<Recently>,
    /// The place of the next new one, once all are taken.
    next: usize,
}

/// One of them, and how often it was met since.
struct Recently {
    destination: Arc<Destination>,
    met: u32,
}

impl Recent {
    pub(crate) fn at(&self, place: Place<'_>, template: Template) -> Arc<Destination> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(recently) = known.destinations.iter_mut().find(|known| known.destination.is_at(place)) {
            return recently.again();
        }
        let destination = Arc::new(Destination::new(place, template));
        known.keep(Arc::clone(&destination));
        destination
    }
}

impl Recently {
    /// Met once more. Its names are worth keeping when it was met some times: one with an id in it hardly is.
    fn again(&mut self) -> Arc<Destination> {
        self.met = self.met.saturating_add(1);
        if self.met == KEPT_AFTER
            && let Some(kept) = self.destination.kept()
        {
            self.destination = Arc::new(kept);
        }
        Arc::clone(&self.destination)
    }
}

impl Known {
    fn keep(&mut self, destination: Arc<Destination>) {
        let recently = Recently { destination, met: 0 };
        if self.destinations.len() < RECENT_DESTINATIONS_MAX {
            self.destinations.push(recently);
        } else {
            self.destinations[self.next] = recently;
            self.next = (self.next + 1) % RECENT_DESTINATIONS_MAX;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use crate::destination::Text;

    use super::*;

    /// Scenario: one destination repeats, then come too many others.
    /// Guarantees: a repeat is shared, and the oldest makes room.
    #[test]
    fn repeats_share() {
        let recent = Recent::default();
        let at = |routing_key: &str| recent.at(Place { exchange: "", routing_key, queue: None }, |_, _| None);
        let first = at("prices");
        assert!(Arc::ptr_eq(&first, &at("prices")));
        (0..RECENT_DESTINATIONS_MAX).for_each(|number| {
            at(&number.to_string());
        });
        assert!(!Arc::ptr_eq(&first, &at("prices")));
    }

    /// Scenario: one destination is met over and over, another once, a third under a name that was made up.
    /// Guarantees: names and texts of the first are kept for good and read as before; those of the others are not.
    #[test]
    fn what_is_met_often_is_kept() {
        let recent = Recent::default();
        let at = |routing_key: &str| recent.at(Place { exchange: "", routing_key, queue: None }, |_, _| None);
        let before = at("often").span_name("publish");
        for _ in 0..KEPT_AFTER {
            at("often");
            at("amq.gen-1");
        }
        let is_kept = |destination: &Destination| matches!(destination.name, Text::Kept(_));
        assert!(is_kept(&at("often")) && !is_kept(&at("once")) && !is_kept(&at("amq.gen-1")));
        let name = at("often").span_name("publish");
        assert!(matches!(name, Cow::Borrowed("publish often")) && name == before);
        assert_eq!(at("often").span_name("ack"), "ack often");
    }
}
