//! Where the caller of a `COPY FROM STDIN` puts the next order, and its work finds it.
//!
//! The work borrows the connection that it owns, so the caller cannot hold it as a value and call it: it is one future,
//! which is polled when there is something to do.

use std::future::poll_fn;
use std::sync::{Mutex, OnceLock, PoisonError};
use std::task::Poll;

/// What is to be done with the data.
#[derive(Debug)]
pub(super) enum Order {
    Abort(String),
    Finish,
    Send(Vec<u8>),
}

/// What the server expects.
#[derive(Debug)]
pub(super) struct Format {
    pub(super) is_textual: bool,
    /// Whether each column is text.
    pub(super) columns: Vec<bool>,
}

/// One order at a time.
#[derive(Debug)]
pub(super) struct Desk {
    // Held for one look or one change.
    state: Mutex<State>,
    pub(super) format: OnceLock<Format>,
}

#[derive(Debug)]
enum State {
    /// Something is done.
    Busy,
    /// The last order is done.
    Free,
    Order(Order),
}

impl Desk {
    /// Busy until the work asks for its first order.
    pub(super) fn new() -> Self {
        Self { state: Mutex::new(State::Busy), format: OnceLock::new() }
    }

    pub(super) fn put(&self, order: Order) {
        self.with(|state| *state = State::Order(order));
    }

    /// Whether everything is done that was ordered.
    pub(super) fn is_free(&self) -> bool {
        self.with(|state| matches!(state, State::Free))
    }

    /// The next order. Wakes nobody: who puts one there polls the work himself.
    pub(super) async fn take(&self) -> Order {
        poll_fn(|_| {
            self.with(|state| match std::mem::replace(state, State::Busy) {
                State::Order(order) => Poll::Ready(order),
                State::Busy | State::Free => {
                    *state = State::Free;
                    Poll::Pending
                }
            })
        })
        .await
    }

    fn with<T>(&self, work: impl FnOnce(&mut State) -> T) -> T {
        work(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
