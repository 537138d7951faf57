//! Transactions and savepoints.

use std::fmt;
use std::ops::{Deref, DerefMut};

use futures_core::future::BoxFuture;
use journey_trace::metrics;
use opentelemetry::Context;
use sqlx_core::Error;
use sqlx_core::acquire::Acquire;
use sqlx_core::sql_str::SqlStr;
use sqlx_core::transaction::{
    Transaction as RawTransaction, TransactionManager, begin_ansi_transaction_sql,
    commit_ansi_transaction_sql, rollback_ansi_transaction_sql,
};
use sqlx_postgres::{PgConnection as RawConnection, PgTransactionManager, Postgres};

use crate::PgConnection;
use crate::call::{Call, Text};
use crate::held::Held;
use crate::open_transactions::OpenTransaction;
use crate::outcome::Outcome;
use crate::route::Route;
use crate::scope::Scope;
use crate::transaction_span::TransactionSpan;
use crate::within::within;

/// In place of `sqlx::Transaction<'_, Postgres>`: rolled back when dropped without [`commit`](Self::commit).
///
/// Derefs to our [`PgConnection`], so `&mut *tx` is an executor whose calls have spans, and so is `&mut tx`.
/// Its own span reaches from before `BEGIN` to the end and says how it ended. Statements are its children,
/// unless the caller opened a span of its own in between.
pub struct Transaction<'c> {
    connection: Held<'c>,
    span: TransactionSpan,
    /// The transaction around this savepoint.
    outer: Option<Box<Scope>>,
    /// How deep it is by sqlx's count: 1 for a transaction, more for a savepoint. When sqlx counts less, it has ended.
    depth: usize,
    state: State,
    /// Counts as open until this drops.
    open: Option<OpenTransaction>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// `BEGIN` is under way, inside of so many transactions and savepoints.
    Beginning {
        inside: usize,
    },
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
        if depth < self.depth {
            // Ended behind our back by a COMMIT of the caller's own, or by a savepoint that sqlx could not begin: nothing is
            // to be sent, for it would end the transaction around it.
            let is_void = self.connection.transaction.as_deref().is_some_and(Scope::is_void);
            return self.ended(if is_void { Outcome::RolledBack } else { Outcome::Committed });
        }
        let call = self.call(&commit_ansi_transaction_sql(depth));
        let commit = async {
            self.connection.in_step()?;
            self.connection.pays().await?;
            // A COMMIT once sent may be done, although nobody waits for the answer.
            self.span.if_dropped(Outcome::Cancelled);
            PgTransactionManager::commit(&mut self.connection).await
        };
        let result = within(call.active(), commit).await;
        self.connection.is_answered(&result);
        let context = call.active();
        call.finish(result.as_ref().err());
        let scope = self.connection.transaction.as_deref();
        if let Err(error) = result {
            let was_lost = scope.is_some_and(Scope::is_lost) || self.connection.in_step().is_err();
            self.span.failed_to_commit(&error, was_lost);
            return Err(error);
        }
        let is_void = scope.is_some_and(Scope::is_void);
        self.ended(if is_void { Outcome::RolledBack } else { Outcome::Committed })?;
        // What the server would not release in a void transaction.
        drop(within(context, self.connection.pays()).await);
        Ok(())
    }

    /// Rolls back, to the savepoint if it is one.
    ///
    /// # Errors
    /// sqlx's, unchanged.
    pub async fn rollback(mut self) -> Result<(), Error> {
        self.span.if_dropped(Outcome::RolledBack);
        let depth = PgTransactionManager::get_transaction_depth(&self.connection);
        if depth >= self.depth {
            let call = self.call(&rollback_ansi_transaction_sql(depth));
            let rollback = PgTransactionManager::rollback(&mut self.connection);
            let result = within(call.active(), rollback).await;
            self.connection.is_answered(&result);
            let context = call.active();
            call.finish(result.as_ref().err());
            result?;
            self.ended(Outcome::RolledBack)?;
            // Not before: in a transaction that is void the server releases nothing.
            drop(within(context, self.connection.pays()).await);
            return Ok(());
        }
        self.ended(Outcome::RolledBack)
    }

    /// The call that ends the transaction.
    fn call(&mut self, sql: &SqlStr) -> Call {
        let parent = self.connection.parent();
        let mut call = Call::start(&self.connection.server, parent, Text::unbound(sql.as_str()));
        self.connection.starts(&mut call);
        call
    }

    fn ended(&mut self, outcome: Outcome) -> Result<(), Error> {
        self.span.if_dropped(outcome);
        self.state = State::Ended;
        Ok(())
    }

    /// The transaction around this one goes on.
    fn leave(&mut self) {
        let Some(mut scope) = self.connection.transaction.take() else { return };
        let spent = scope.spent();
        self.span.spent(spent);
        self.connection.transaction = self.outer.take();
        if let Some(outer) = &mut self.connection.transaction {
            outer.takes_in(spent, scope.is_lost());
        }
    }
}

impl<'c> Transaction<'c> {
    /// Gets the connection and begins. The wait for the pool is part of the call named `BEGIN`, as it is of a
    /// query's.
    pub(crate) async fn begin_on(route: Route<'c>, statement: Option<SqlStr>) -> Result<Self, Error> {
        let caller = Context::current();
        let mut span = TransactionSpan::start(&route.parent());
        let inside = route.transaction_depth();
        let sql = statement.clone().unwrap_or_else(|| begin_ansi_transaction_sql(inside));
        let mut call = Call::start(route.server(), span.context().clone(), Text::unbound(sql.as_str()));
        let active = call.active();
        let connection = match within(active, route.hold(&mut call)).await {
            Ok(connection) => connection,
            Err(error) => {
                call.finish(Some(&error));
                span.failed_to_begin(&error);
                return Err(error);
            }
        };
        // Dropped from here on, it rolls back.
        let state = State::Beginning { inside };
        let mut this = Self { connection, span, outer: None, state, depth: 0, open: None };
        // Dropped before the transaction, so that its span ends first.
        let mut call = call;
        this.connection.starts(&mut call);
        let begin = async {
            this.connection.in_step()?;
            this.connection.pays().await?;
            PgTransactionManager::begin(&mut this.connection, statement).await
        };
        let begun = within(call.active(), begin).await;
        this.connection.is_answered(&begun);
        call.finish(begun.as_ref().err());
        match begun {
            Ok(()) => {
                this.is_open(&caller);
                Ok(this)
            }
            Err(error) => {
                this.span.failed_to_begin(&error);
                this.connection.rests();
                Err(error)
            }
        }
    }

    fn is_open(&mut self, caller: &Context) {
        let scope = Scope::new(caller, self.span.context(), self.span.is_recording());
        self.outer = self.connection.transaction.replace(Box::new(scope));
        self.span.if_dropped(Outcome::DroppedRollback);
        self.state = State::Open;
        self.depth = PgTransactionManager::get_transaction_depth(&self.connection);
        if self.outer.is_none() && metrics::is_installed() {
            self.open = self.connection.server.lender.as_ref().map(|lender| lender.open_transactions.one());
        }
    }
}

impl Drop for Transaction<'_> {
    fn drop(&mut self) {
        match self.state {
            // sqlx rolls back only what it knows to have begun, and a BEGIN nobody waited for may have: the
            // next borrower would work in a transaction that nobody ends (transact-rs/sqlx#4393).
            State::Beginning { inside } => {
                self.connection.close_on_drop();
                // And when a savepoint does not begin, it rolls back what is around it.
                let depth = PgTransactionManager::get_transaction_depth(&self.connection);
                if let (true, Some(outer)) = (depth < inside, &mut self.connection.transaction) {
                    outer.is_undone();
                }
            }
            State::Open => {
                if PgTransactionManager::get_transaction_depth(&self.connection) >= self.depth {
                    PgTransactionManager::start_rollback(&mut self.connection);
                }
                self.leave();
            }
            State::Ended => self.leave(),
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
