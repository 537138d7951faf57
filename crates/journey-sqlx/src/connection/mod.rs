//! A single connection.

mod debts;
mod raw;

use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use journey_trace::metrics;
use opentelemetry::Context;
use opentelemetry::trace::SpanContext;
use sqlx_core::Error;
use sqlx_core::connection::{ConnectOptions, Connection};
use sqlx_core::pool::PoolConnection as RawPoolConnection;
use sqlx_core::sql_str::SqlSafeStr;
use sqlx_postgres::{PgConnectOptions, PgConnection as RawConnection, Postgres};

use self::raw::Raw;
use crate::Transaction;
use crate::call::Call;
use crate::metrics::used;
use crate::owed::Owed;
use crate::route::Route;
use crate::scope::Scope;
use crate::server::Server;
use crate::wait::Wait;

/// In place of `sqlx::PgConnection`: `&mut` of it is an executor whose calls have spans.
///
/// Derefs to sqlx's type, so all its methods are there; what they do has no span.
pub struct PgConnection {
    /// `None` only while this is taken apart.
    raw: Option<Raw>,
    pub(crate) server: Arc<Server>,
    /// In a box, because most connections are moved about without one.
    pub(crate) transaction: Option<Box<Scope>>,
    /// How long the pool was waited for, until the first call of the connection tells it.
    pool_wait: Option<Box<Wait>>,
    /// The query that the server still works on, although its caller may have left it.
    unanswered: Option<SpanContext>,
    /// Since when it is on loan from its pool, if that is measured.
    lent_since: Option<Instant>,
    /// Until when, if it was looked at just before it comes back.
    lent_until: Option<Instant>,
    /// Advisory locks to release before anything else. In a box, because they are rare.
    owed: Option<Box<Owed>>,
    /// The span of a `COPY` that has begun, and whose last answer was not read. In a box, because it is rare.
    copying: Option<Box<SpanContext>>,
    is_closed_on_drop: bool,
}

impl PgConnection {
    /// Connects, as `sqlx::Connection::connect` does.
    ///
    /// # Errors
    /// sqlx's, unchanged.
    pub async fn connect(url: &str) -> Result<Self, Error> {
        Self::connect_with(&url.parse()?).await
    }

    /// Connects, as `sqlx::Connection::connect_with` does.
    ///
    /// # Errors
    /// sqlx's, unchanged.
    pub async fn connect_with(options: &PgConnectOptions) -> Result<Self, Error> {
        let raw = options.connect().await?;
        Ok(Self::new(Raw::Single(raw), Server::of(options)))
    }

    /// Begins a transaction, or a savepoint inside of one, with a span from here to its end.
    ///
    /// # Errors
    /// sqlx's, unchanged.
    pub async fn begin(&mut self) -> Result<Transaction<'_>, Error> {
        Transaction::begin_on(Route::from(self), None).await
    }

    /// Begins a transaction by a statement of the caller's, such as `BEGIN ISOLATION LEVEL SERIALIZABLE`.
    ///
    /// # Errors
    /// sqlx's, unchanged: `InvalidSavePointStatement` inside of a transaction.
    pub async fn begin_with(&mut self, statement: impl SqlSafeStr) -> Result<Transaction<'_>, Error> {
        Transaction::begin_on(Route::from(self), Some(statement.into_sql_str())).await
    }

    /// Closes the connection, and tells the server so.
    ///
    /// # Errors
    /// sqlx's, unchanged.
    pub async fn close(mut self) -> Result<(), Error> {
        match self.take_raw() {
            Raw::Pooled(raw) => raw.close().await,
            Raw::Single(raw) => raw.close().await,
        }
    }

    /// On loan since then; by default since now.
    pub(crate) fn of_pool(
        raw: RawPoolConnection<Postgres>,
        server: Arc<Server>,
        since: Option<Instant>,
    ) -> Self {
        let mut connection = Self::new(Raw::Pooled(raw), server);
        connection.lent_since = metrics::is_installed().then(|| since.unwrap_or_else(Instant::now));
        connection
    }

    /// The same, and its first call is to tell this wait.
    pub(crate) fn after(mut self, wait: Option<Wait>) -> Self {
        self.pool_wait = wait.map(Box::new);
        self
    }

    fn new(raw: Raw, server: Arc<Server>) -> Self {
        Self {
            raw: Some(raw),
            server,
            transaction: None,
            pool_wait: None,
            unanswered: None,
            lent_since: None,
            lent_until: None,
            owed: None,
            copying: None,
            is_closed_on_drop: false,
        }
    }

    /// Out of its pool, which may open another in its place.
    pub(crate) fn detach(self) -> Self {
        self.into_single(RawPoolConnection::detach)
    }

    /// Out of its pool, which keeps the place taken.
    pub(crate) fn leak(self) -> Self {
        self.into_single(RawPoolConnection::leak)
    }

    /// The pool will not get it back. Nothing to do for a connection of no pool.
    pub(crate) fn close_on_drop(&mut self) {
        if let Some(Raw::Pooled(raw)) = &mut self.raw {
            raw.close_on_drop();
            self.is_closed_on_drop = true;
        }
    }

    /// The context of the next statement's parent.
    pub(crate) fn parent(&self) -> Context {
        self.transaction.as_ref().map_or_else(Context::current, |transaction| transaction.parent())
    }

    /// A call starts: it is told what came before it, and the transaction is idle no more.
    pub(crate) fn starts(&mut self, call: &mut Call) {
        if let Some(wait) = self.pool_wait.take() {
            call.tells(*wait);
        }
        if let Some(left) = self.unanswered.replace(call.span_context()) {
            call.follows_left(left);
        }
        if let Some(transaction) = &mut self.transaction {
            transaction.works(call.started());
        }
    }

    /// The server has answered the call, which may have released a lock.
    pub(crate) fn is_answered<T>(&mut self, answer: &Result<T, Error>) {
        self.unanswered = None;
        if let Some(owed) = &mut self.owed {
            owed.is_answered(answer);
            self.forgets_what_is_paid();
        }
    }

    fn forgets_what_is_paid(&mut self) {
        self.owed.take_if(|owed| owed.is_paid());
    }

    /// No call runs any more, answered or not. Gives the time if a transaction wants to know it.
    pub(crate) fn rests(&mut self) -> Option<Instant> {
        self.transaction.as_mut().and_then(|transaction| transaction.rests())
    }

    /// It goes back to its pool now. Gives the time if that is measured.
    pub(crate) fn comes_back(&mut self) -> Option<Instant> {
        self.lent_until = self.lent_since.map(|_| Instant::now());
        self.lent_until
    }

    fn into_single(mut self, take: impl FnOnce(RawPoolConnection<Postgres>) -> RawConnection) -> Self {
        let raw = match self.take_raw() {
            Raw::Pooled(raw) => take(raw),
            Raw::Single(raw) => raw,
        };
        let mut single = Self::new(Raw::Single(raw), Arc::clone(&self.server));
        single.transaction = self.transaction.take();
        single.pool_wait = self.pool_wait.take();
        single.unanswered = self.unanswered.take();
        single.owed = self.owed.take();
        single.copying = self.copying.take();
        single
    }

    /// The connection of sqlx, and with it the end of the loan.
    fn take_raw(&mut self) -> Raw {
        if let (Some(since), Some(lender)) = (self.lent_since.take(), &self.server.lender) {
            let until = self.lent_until.unwrap_or_else(Instant::now);
            used(lender, until.saturating_duration_since(since));
        }
        self.raw.take().expect("it is taken once, by what consumes the connection")
    }
}

impl Drop for PgConnection {
    fn drop(&mut self) {
        if self.raw.is_none() {
            return;
        }
        let Raw::Pooled(raw) = self.take_raw() else { return };
        let Some(lender) = self.server.lender.as_ref().filter(|_| !self.is_closed_on_drop) else { return };
        let (unanswered, owed) = (self.unanswered.take(), self.owed.take());
        if let Some(copying) = self.copying.take() {
            lender.close_busy(raw, *copying);
        } else if unanswered.is_some() || owed.is_some() {
            lender.take_back_busy(raw, unanswered, owed);
        }
    }
}

impl fmt::Debug for PgConnection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PgConnection").finish_non_exhaustive()
    }
}

const IS_WHOLE: &str = "the raw connection is only taken by what consumes or drops this one";
