//! What leads to a journey: many numbers to one journey, and sometimes one number to several.

use std::hash::BuildHasher;

use foldhash::fast::FixedState;
use hashbrown::HashTable;

use crate::identity::GroupId;

/// Marks and their journeys. Half of each mark is kept: two of a million are alike now and then, which costs a look at
/// another journey and no more.
#[derive(Debug, Default)]
pub(super) struct Marks(HashTable<[u32; 3]>);

impl Marks {
    /// Notes that a mark leads to a journey, if it does not already.
    pub(super) fn put(&mut self, mark: u64, group: GroupId) {
        let entry = entry(mark, group);
        if self.0.find(hash(&entry), |known| *known == entry).is_none() {
            self.0.insert_unique(hash(&entry), entry, hash);
        }
    }

    pub(super) fn remove(&mut self, mark: u64, group: GroupId) {
        let entry = entry(mark, group);
        if let Ok(found) = self.0.find_entry(hash(&entry), |known| *known == entry) {
            found.remove();
        }
    }

    pub(super) fn get(&self, mark: u64) -> impl Iterator<Item = GroupId> {
        let wanted = mark as u32;
        let found = self.0.iter_hash(hash(&[wanted, 0, 0]));
        found
            .filter(move |[known, ..]| *known == wanted)
            .map(|[_, high, low]| GroupId::from_number(u64::from(*high) << 32 | u64::from(*low)))
    }
}

/// Mark and number of the group, in parts, so that no room is lost between them.
fn entry(mark: u64, group: GroupId) -> [u32; 3] {
    let number = group.number();
    [mark as u32, (number >> 32) as u32, number as u32]
}

fn hash([mark, ..]: &[u32; 3]) -> u64 {
    FixedState::with_seed(0).hash_one(mark)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: two journeys have one mark, one has another; marks are taken away.
    /// Guarantees: a mark leads to its journeys, and to nothing when they are gone.
    #[test]
    fn a_mark_leads_to_all_its_journeys() {
        let mut marks = Marks::default();
        let [one, other] = [1, 1 << 40].map(GroupId::from_number);
        for (mark, group) in [(7, one), (7, other), (8, one)] {
            marks.put(mark, group);
        }
        let found = |marks: &Marks, mark| {
            let mut found: Vec<GroupId> = marks.get(mark).collect();
            found.sort_unstable();
            found
        };
        assert_eq!(
            (found(&marks, 7), found(&marks, 8), found(&marks, 9)),
            (vec![one, other], vec![one], vec![])
        );
        marks.remove(7, one);
        marks.remove(8, one);
        assert_eq!((found(&marks, 7), found(&marks, 8)), (vec![other], vec![]));
    }
}
