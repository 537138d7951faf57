//! The connection of a call or a transaction.

use std::ops::{Deref, DerefMut};
use std::time::Instant;

use sqlx_core::Error;

use crate::call::Call;
use crate::{PgConnection, PoolConnection};

/// A connection, by whatever right.
pub(crate) enum Held<'c> {
    /// The caller's own, or that of an outer transaction.
    Borrowed(&'c mut PgConnection),
    /// On loan from a pool.
    Lent(PoolConnection),
}

impl Deref for Held<'_> {
    type Target = PgConnection;

    fn deref(&self) -> &PgConnection {
        match self {
            Held::Borrowed(connection) => connection,
            Held::Lent(connection) => connection,
        }
    }
}

impl DerefMut for Held<'_> {
    fn deref_mut(&mut self) -> &mut PgConnection {
        match self {
            Held::Borrowed(connection) => connection,
            Held::Lent(connection) => connection,
        }
    }
}

// === impl Work ===

/// A connection while a statement runs on it. If it is dropped before the answer, the server goes on without us,
/// and the connection keeps that in mind.
pub(crate) struct Work<'c> {
    connection: Held<'c>,
    is_over: bool,
}

impl<'c> Work<'c> {
    pub(crate) fn start(mut connection: Held<'c>, call: &mut Call) -> Self {
        connection.starts(call);
        if let Some(transaction) = &mut connection.transaction {
            transaction.count_statement();
        }
        Self { connection, is_over: false }
    }

    /// The server has answered. A refused statement makes the open transaction void.
    pub(crate) fn is_answered<T>(&mut self, result: &Result<T, Error>) {
        self.connection.is_answered(result);
        if let (Err(error), Some(transaction)) = (result, &mut self.connection.transaction) {
            transaction.note(error);
        }
    }

    /// The server has answered, and discards what the transaction did although that is no error to the caller.
    pub(crate) fn is_undone(&mut self) {
        if let Some(transaction) = &mut self.connection.transaction {
            transaction.is_undone();
        }
    }

    /// No statement runs any more, and a connection on loan goes back now. Gives the time if it had to be looked at.
    pub(crate) fn over(mut self) -> Option<Instant> {
        self.rests()
    }

    fn rests(&mut self) -> Option<Instant> {
        if std::mem::replace(&mut self.is_over, true) {
            return None;
        }
        match &mut self.connection {
            Held::Borrowed(connection) => connection.rests(),
            Held::Lent(connection) => connection.comes_back(),
        }
    }
}

impl Drop for Work<'_> {
    fn drop(&mut self) {
        self.rests();
    }
}

impl Deref for Work<'_> {
    type Target = PgConnection;

    fn deref(&self) -> &PgConnection {
        &self.connection
    }
}

impl DerefMut for Work<'_> {
    fn deref_mut(&mut self) -> &mut PgConnection {
        &mut self.connection
    }
}
