//! Transactions and savepoints.

use std::fmt;
use std::ops::{Deref, DerefMut};

use futures_core::future::BoxFuture;
use opentelemetry::Context;
use opentelemetry::context::FutureExt;
use sqlx_core::Error;
use sqlx_core::acquire::Acquire;
use sqlx_core::sql_str::SqlStr;
use sqlx_core::transaction::{
    Transaction as RawTransaction, TransactionManager, begin_ansi_transaction_sql,
    commit_ansi_transaction_sql, rollback_ansi_transaction_sql,
};
use sqlx_postgres::{PgConnection as RawConnection, PgTransactionManager, Postgres};

use crate::PgConnection;
use crate::call::Call;
use crate::outcome::Outcome;
use crate::route::{Held, Route};
use crate::scope::Scope;
use crate::transaction_span::TransactionSpan;

/// In place of `sqlx::Transaction<'_, Postgres>`: rolled back when dropped without [`commit`](Self::commit).
///
/// Derefs to our [`PgConnection`], so `&mut *tx` is an executor whose calls have spans, and so is `&mut tx`.
/// Its own span reaches from before `BEGIN` to the end and says how it ended. Statements are its children,
/// unless the caller opened a span of its own in between.
pub struct Transaction<'c> {
    connection: Held<'c>,
    span: TransactionSpan,
    /// The transaction around this savepoint.
    outer: Option<Scope>,
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// `BEGIN` is under way.
    Beginning,
    Ended,
    Open,
}

impl Transaction<'_> {
    /// Begins a savepoint.
    ///
    /// # Errors
    /// sqlx's, unchanged.
    pub async fn begin(&mut self) -> Result<Transaction<'_>, Error> {
        self.connection.begin().await
    }

    /// Commits, or releases the savepoint. If the server refused a statement in between, it rolls back
    /// without saying so; the span then says `rolled_back`.
    ///
    /// # Errors
    /// sqlx's, unchanged.
    pub async fn commit(mut self) -> Result<(), Error> {
        let depth = PgTransactionManager::get_transaction_depth(&self.connection);
        if depth == 0 {
            // Ended behind our back by a COMMIT of the caller's own; sqlx sends nothing.
            return self.ended(Outcome::Committed);
        }
        let call = self.call(&commit_ansi_transaction_sql(depth));
        // A COMMIT once sent may be done, although nobody waits for the answer.
        self.span.if_dropped(Outcome::Cancelled);
        let result = PgTransactionManager::commit(&mut self.connection).with_context(call.context()).await;
        call.finish(result.as_ref().err());
        if let Err(error) = result {
            self.span.failed_to_commit(&error);
            return Err(error);
        }
        let is_void = self.connection.transaction.as_ref().is_some_and(Scope::is_void);
        self.ended(if is_void { Outcome::RolledBack } else { Outcome::Committed })
    }

    /// Rolls back, to the savepoint if it is one.
    ///
    /// # Errors
    /// sqlx's, unchanged.
    pub async fn rollback(mut self) -> Result<(), Error> {
        self.span.if_dropped(Outcome::RolledBack);
        let depth = PgTransactionManager::get_transaction_depth(&self.connection);
        if depth > 0 {
            let call = self.call(&rollback_ansi_transaction_sql(depth));
            let result =
                PgTransactionManager::rollback(&mut self.connection).with_context(call.context()).await;
            call.finish(result.as_ref().err());
            result?;
        }
        self.ended(Outcome::RolledBack)
    }

    fn call(&self, sql: &SqlStr) -> Call {
        Call::start(&self.connection.server, &self.connection.parent(), sql.as_str())
    }

    fn ended(&mut self, outcome: Outcome) -> Result<(), Error> {
        self.span.if_dropped(outcome);
        self.state = State::Ended;
        Ok(())
    }
}

impl<'c> Transaction<'c> {
    /// Gets the connection and begins. The wait for the pool is part of the call named `BEGIN`, as it is of a
    /// query's.
    pub(crate) async fn begin_on(route: Route<'c>, statement: Option<SqlStr>) -> Result<Self, Error> {
        let caller = Context::current();
        let mut span = TransactionSpan::start(&route.parent());
        let sql = statement.clone().unwrap_or_else(|| begin_ansi_transaction_sql(route.transaction_depth()));
        let call = Call::start(route.server(), span.context(), sql.as_str());
        let connection = match route.hold().with_context(call.context()).await {
            Ok(connection) => connection,
            Err(error) => {
                call.finish(Some(&error));
                span.failed_to_begin(&error);
                return Err(error);
            }
        };
        // Dropped from here on, it rolls back.
        let mut this = Self { connection, span, outer: None, state: State::Beginning };
        // Dropped before the transaction, so that its span ends first.
        let call = call;
        this.connection.tell_wait(&call);
        let begun =
            PgTransactionManager::begin(&mut this.connection, statement).with_context(call.context()).await;
        call.finish(begun.as_ref().err());
        match begun {
            Ok(()) => {
                let scope = Scope::new(&caller, this.span.context());
                this.outer = this.connection.transaction.replace(scope);
                this.span.if_dropped(Outcome::DroppedRollback);
                this.state = State::Open;
                Ok(this)
            }
            Err(error) => {
                this.span.failed_to_begin(&error);
                Err(error)
            }
        }
    }
}

impl Drop for Transaction<'_> {
    fn drop(&mut self) {
        match self.state {
            // sqlx rolls back only what it knows to have begun, and a BEGIN nobody waited for may have: the
            // next borrower would work in a transaction that nobody ends (transact-rs/sqlx#4393).
            State::Beginning => self.connection.close_on_drop(),
            State::Open => {
                PgTransactionManager::start_rollback(&mut self.connection);
                self.connection.transaction = self.outer.take();
            }
            State::Ended => self.connection.transaction = self.outer.take(),
        }
    }
}

impl Deref for Transaction<'_> {
    type Target = PgConnection;

    fn deref(&self) -> &PgConnection {
        &self.connection
    }
}

impl DerefMut for Transaction<'_> {
    fn deref_mut(&mut self) -> &mut PgConnection {
        &mut self.connection
    }
}

impl<'t> From<&'t mut Transaction<'_>> for Route<'t> {
    fn from(transaction: &'t mut Transaction<'_>) -> Self {
        Route::Borrowed(&mut transaction.connection)
    }
}

impl AsRef<RawConnection> for Transaction<'_> {
    fn as_ref(&self) -> &RawConnection {
        self
    }
}

impl AsMut<RawConnection> for Transaction<'_> {
    fn as_mut(&mut self) -> &mut RawConnection {
        self
    }
}

/// Hands out sqlx's own types, as the trait demands: no spans beyond it.
impl<'t> Acquire<'t> for &'t mut Transaction<'_> {
    type Database = Postgres;
    type Connection = &'t mut RawConnection;

    fn acquire(self) -> BoxFuture<'t, Result<Self::Connection, Error>> {
        Acquire::acquire(&mut **self)
    }

    fn begin(self) -> BoxFuture<'t, Result<RawTransaction<'t, Postgres>, Error>> {
        Acquire::begin(&mut **self)
    }
}

impl fmt::Debug for Transaction<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transaction").finish_non_exhaustive()
    }
}
