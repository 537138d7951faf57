//! The bounded queue of a lane, and its numbers.
//!
//! One line per class, so that making room is a pop and never a search; the arrival number keeps the order between
//! the lines.

use std::collections::VecDeque;

use journey_model::{Attribute, SpanRecord, attribute};

/// What a record is worth when there is no room, least first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Class {
    Beat,
    Process,
    Start,
    End,
}

/// Records that were dropped, by kind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Dropped {
    /// Beats, the first to go.
    pub beats: u64,
    /// Process signals with the state `running`.
    pub process: u64,
    /// Start markers.
    pub starts: u64,
    /// Ended stages, and process signals with the state `stopping`: the last to go.
    pub ends: u64,
}

impl Dropped {
    /// All of them.
    pub fn total(&self) -> u64 {
        self.beats + self.process + self.starts + self.ends
    }

    fn of(&mut self, class: Class) -> &mut u64 {
        match class {
            Class::Beat => &mut self.beats,
            Class::Process => &mut self.process,
            Class::Start => &mut self.starts,
            Class::End => &mut self.ends,
        }
    }
}

/// Records in the order they came, at most `capacity`.
pub(super) struct Queue {
    lines: [VecDeque<(u64, SpanRecord<'static>)>; 4],
    capacity: usize,
    arrivals: u64,
    last_number: u64,
    dropped: Dropped,
    late: u64,
    closed: bool,
}

impl Queue {
    pub(super) fn new(capacity: usize) -> Self {
        let lines = [const { VecDeque::new() }; 4];
        Self {
            lines,
            capacity,
            arrivals: 0,
            last_number: 0,
            dropped: Dropped::default(),
            late: 0,
            closed: false,
        }
    }

    /// Appends a record, and drops the least worthy one if there is no room.
    pub(super) fn push(&mut self, class: Class, record: SpanRecord<'static>) {
        let is_step = matches!(class, Class::Start | Class::End);
        if self.closed && !is_step {
            // A sign of life after the last word says nothing that anybody could miss.
            return;
        }
        self.late += u64::from(self.closed);
        if self.closed || !self.make_room(class) {
            *self.dropped.of(class) += 1;
            return;
        }
        self.arrivals += 1;
        self.lines[class as usize].push_back((self.arrivals, record));
    }

    /// Appends a record with the next number. A dropped one has used its number up, so that the loss is visible.
    pub(super) fn push_numbered(&mut self, class: Class, record: SpanRecord<'static>) {
        if !self.closed {
            self.last_number += 1;
        }
        self.push_with_last_number(class, record);
    }

    /// Appends a record with the last used number, 0 if none was.
    pub(super) fn push_with_last_number(&mut self, class: Class, mut record: SpanRecord<'static>) {
        let number = i64::try_from(self.last_number).unwrap_or(i64::MAX);
        record.attributes.push(Attribute::new(attribute::JOURNEY_SEQ, number));
        self.push(class, record);
    }

    /// The oldest record.
    pub(super) fn pop(&mut self) -> Option<SpanRecord<'static>> {
        let arrival = |line: &&mut VecDeque<(u64, SpanRecord<'static>)>| line.front().map(|front| front.0);
        let line = self.lines.iter_mut().filter(|line| !line.is_empty()).min_by_key(arrival)?;
        line.pop_front().map(|(_, record)| record)
    }

    pub(super) fn len(&self) -> usize {
        self.lines.iter().map(VecDeque::len).sum()
    }

    pub(super) fn dropped(&self) -> Dropped {
        self.dropped
    }

    /// Starts and ends that came after the queue was closed.
    pub(super) fn late(&self) -> u64 {
        self.late
    }

    pub(super) fn close(&mut self) {
        self.closed = true;
    }

    /// True if there is room for a record of this class, made by dropping the oldest one of the least class that is
    /// worth no more.
    fn make_room(&mut self, class: Class) -> bool {
        if self.len() < self.capacity {
            return true;
        }
        let classes = [Class::Beat, Class::Process, Class::Start, Class::End];
        let victim = classes
            .into_iter()
            .take_while(|&least| least <= class)
            .find(|&least| self.lines[least as usize].pop_front().is_some());
        if let Some(victim) = victim {
            *self.dropped.of(victim) += 1;
        }
        victim.is_some()
    }
}

#[cfg(test)]
mod tests {
    use journey_model::ProcessState;

    use super::super::process;
    use super::*;

    fn record(name: &'static str) -> SpanRecord<'static> {
        SpanRecord { name: name.into(), ..process::signal(ProcessState::Running) }
    }

    fn names(queue: &mut Queue) -> Vec<String> {
        std::iter::from_fn(|| queue.pop()).map(|record| record.name.into_owned()).collect()
    }

    /// Scenario: a queue of four gets records of every kind while full.
    /// Guarantees: beats go first, then process signals, starts, and ends last; the rest keeps its order, and each
    /// drop is counted by kind.
    #[test]
    fn the_least_worthy_goes_first() {
        let mut queue = Queue::new(4);
        for (class, name) in
            [(Class::Start, "s1"), (Class::Beat, "b1"), (Class::End, "e1"), (Class::Process, "p1")]
        {
            queue.push(class, record(name));
        }
        queue.push(Class::End, record("e2"));
        assert_eq!(queue.dropped(), Dropped { beats: 1, ..Dropped::default() });
        queue.push(Class::Beat, record("b2"));
        assert_eq!(queue.dropped().beats, 2, "a beat never takes another's place");
        queue.push(Class::Start, record("s2"));
        queue.push(Class::End, record("e3"));
        assert_eq!(queue.dropped(), Dropped { beats: 2, process: 1, starts: 1, ends: 0 });
        assert_eq!(names(&mut queue), ["e1", "e2", "s2", "e3"]);
    }

    /// Scenario: nothing but ends, and one more than fits.
    /// Guarantees: the oldest goes and is counted, the queue keeps its size.
    #[test]
    fn ends_go_last_but_stay_bounded() {
        let mut queue = Queue::new(2);
        for name in ["e1", "e2", "e3"] {
            queue.push_numbered(Class::End, record(name));
        }
        queue.push_numbered(Class::Start, record("s4"));
        assert_eq!(queue.dropped(), Dropped { starts: 1, ends: 1, ..Dropped::default() });
        let numbers: Vec<_> = std::iter::from_fn(|| queue.pop()).map(|r| r.i64("journey.seq")).collect();
        assert_eq!(numbers, [Some(2), Some(3)]);
        queue.push_with_last_number(Class::Process, record("p"));
        assert_eq!(queue.pop().and_then(|r| r.i64("journey.seq")), Some(4), "dropped numbers are used up");
    }

    /// Scenario: records come after the queue was closed, signs of life among them.
    /// Guarantees: they are dropped, use no number, and what waited can be taken; only starts and ends are a loss.
    #[test]
    fn a_closed_queue_only_gives() {
        let mut queue = Queue::new(2);
        queue.push_numbered(Class::Start, record("s1"));
        queue.close();
        queue.push_numbered(Class::End, record("e1"));
        queue.push(Class::Beat, record("b1"));
        queue.push_with_last_number(Class::Process, record("p1"));
        assert_eq!((queue.dropped(), queue.late()), (Dropped { ends: 1, ..Dropped::default() }, 1));
        assert_eq!(queue.last_number, 1);
        assert_eq!(names(&mut queue), ["s1"]);
    }
}
