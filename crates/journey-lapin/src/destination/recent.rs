//! Destinations that repeat from message to message.

use std::sync::{Arc, Mutex, PoisonError};

use crate::limits::RECENT_DESTINATIONS_MAX;
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
    destinations: Vec<Arc<Destination>>,
    /// The place of the next new one, once all are taken.
    next: usize,
}

impl Recent {
    pub(crate) fn at(&self, place: Place<'_>, template: Template) -> Arc<Destination> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(destination) = known.destinations.iter().find(|known| known.is_at(place)) {
            return Arc::clone(destination);
        }
        let destination = Arc::new(Destination::new(place, template));
        known.keep(Arc::clone(&destination));
        destination
    }
}

impl Known {
    fn keep(&mut self, destination: Arc<Destination>) {
        if self.destinations.len() < RECENT_DESTINATIONS_MAX {
            self.destinations.push(destination);
        } else {
            self.destinations[self.next] = destination;
            self.next = (self.next + 1) % RECENT_DESTINATIONS_MAX;
        }
    }
}

#[cfg(test)]
mod tests {
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
}
