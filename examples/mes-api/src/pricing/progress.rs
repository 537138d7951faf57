//! How far a long calculation is: many small steps come in, about a hundred reports go out.

/// The way from a calculation to the callback of its caller.
pub(super) struct Progress<'a> {
    report: &'a mut dyn FnMut(f64),
    reported: f64,
}

impl<'a> Progress<'a> {
    /// Nothing is done and nothing reported yet.
    pub(super) fn new(report: &'a mut dyn FnMut(f64)) -> Self {
        Self { report, reported: 0.0 }
    }

    /// `done` of `all` steps of a part of the work are done; the part reaches from `part.0` to `part.1` of
    /// the whole.
    pub(super) fn step(&mut self, part: (f64, f64), done: usize, all: usize) {
        let reached = part.0 + (part.1 - part.0) * (done as f64 / all.max(1) as f64);
        if reached >= self.reported + REPORT_EVERY && reached < 1.0 {
            self.reported = reached;
            (self.report)(reached);
        }
    }

    /// All is done: reports 1.
    pub(super) fn finish(self) {
        (self.report)(1.0);
    }
}

/// Least growth between two reports. A report may cost a lock or a message, a step is a few nanoseconds.
const REPORT_EVERY: f64 = 0.01;
