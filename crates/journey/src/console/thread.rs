//! The thread that prints.

use std::io::Write;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::mpsc::Receiver;

use super::Event;
use super::board::Board;
use super::painter::Painter;

/// Prints until the last sender is gone.
pub(super) fn run(events: &Receiver<Event>, missed: &AtomicU64, painter: Painter, mut out: impl Write) {
    let mut board = Board::new(painter);
    for event in events {
        let (mut text, done) = match event {
            Event::Started(entry) => (board.started(entry), None),
            Event::Alive { place, progress, now_ns } => (board.alive(place, progress, now_ns), None),
            Event::Ended(entry) => (board.ended(entry), None),
            Event::Finish(done) => (board.finish(), Some(done)),
        };
        let missed = missed.swap(0, Relaxed);
        if missed > 0 {
            text.push_str(&format!("… {missed} events came too fast to be shown\n"));
        }
        // An error output that is closed is no reason to stop the service.
        let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
        drop(done);
    }
}
