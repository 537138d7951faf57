//! What is to be settled on a connection before its next call.

use sqlx_core::Error;

use super::PgConnection;
use crate::call::Call;

impl PgConnection {
    /// A `COPY` begins: until it has ended, the connection is out of step.
    ///
    /// sqlx 0.9.0 does not count the messages of a `COPY`. One that is dropped before its end, and a `COPY TO STDOUT` that the
    /// server refuses, leave answers on the connection that the next call would take for its own. sqlx gives such a
    /// connection back to its pool; ours makes no further call, and is closed.
    pub(crate) fn copies(&mut self, call: &Call) {
        self.copying = Some(Box::new(call.span_context()));
    }

    /// All answers of the `COPY` were read.
    pub(crate) fn has_copied(&mut self) {
        self.copying = None;
    }

    /// Whether the next call would read its own answer.
    ///
    /// # Errors
    /// A `COPY` was left. Better none than the answer of another.
    pub(crate) fn in_step(&self) -> Result<(), Error> {
        match self.copying {
            Some(_) => Err(Error::Protocol(OUT_OF_STEP.to_owned())),
            None => Ok(()),
        }
    }

    /// An advisory lock is to be released by this statement, as soon as the connection is free.
    pub(crate) fn owes(&mut self, release: &str) {
        self.owed.get_or_insert_default().owes(release);
    }

    /// This statement, which releases an advisory lock, is sent now.
    pub(crate) fn sends(&mut self, release: &str) {
        self.owed.get_or_insert_default().sends(release);
    }

    /// Whether locks are to be released before anything else.
    pub(crate) fn is_indebted(&self) -> bool {
        self.owed.is_some()
    }

    /// Releases what is owed. What cannot be released, as in a transaction that is void, stays owed.
    ///
    /// # Errors
    /// The server refused a statement that nobody waited for any more: the open transaction is void.
    pub(crate) async fn pays(&mut self) -> Result<(), Error> {
        let (Some(owed), Some(raw)) = (&mut self.owed, &mut self.raw) else { return Ok(()) };
        let paid = owed.pay(raw).await;
        self.forgets_what_is_paid();
        if let (Err(error), Some(transaction)) = (&paid, &mut self.transaction) {
            transaction.note(error);
        }
        paid
    }
}

const OUT_OF_STEP: &str = "a COPY on this connection was left before its end";
