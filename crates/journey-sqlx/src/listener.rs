//! A listener for notifications.

use std::fmt;
use std::sync::Arc;

use futures_core::Stream;
use futures_core::future::BoxFuture;
use futures_core::stream::BoxStream;
use futures_util::stream::try_unfold;
use journey_trace::SpanGuard;
use journey_trace::sampling::Hint;
use journey_trace::span::Described;
use opentelemetry::Context;
use opentelemetry::trace::SpanKind;
use sqlx_core::Error;
use sqlx_core::acquire::Acquire;
use sqlx_core::describe::Describe;
use sqlx_core::executor::{Execute, Executor};
use sqlx_core::sql_str::SqlStr;
use sqlx_core::transaction::Transaction as RawTransaction;
use sqlx_postgres::{
    PgConnection as RawConnection, PgListener as RawListener, PgRow, PgStatement, PgTypeInfo, Postgres,
};

use crate::call::{Call, Text};
use crate::outcome::Outcome;
use crate::route::Step;
use crate::server::Server;
use crate::within::within;
use crate::{PgNotification, PgPool, failure};

/// In place of `sqlx::postgres::PgListener`: `LISTEN` and `UNLISTEN` have spans, and so has each time that it connects
/// anew after its connection was lost.
///
/// What is notified in the meantime is lost; [`losses`](Self::losses) says how often that may have been. The context of
/// who notified comes with what [`notify`](crate::notify) sent: [`PgNotification::carrier`]. Queries on the listener
/// itself have no spans.
pub struct PgListener {
    raw: RawListener,
    server: Arc<Server>,
    is_eager: bool,
    is_lost: bool,
    losses: u64,
}

impl PgListener {
    /// Connects, with a connection of its own.
    ///
    /// # Errors
    /// sqlx's, unchanged.
    pub async fn connect(url: &str) -> Result<Self, Error> {
        let server = Server::of(&url.parse()?);
        Ok(Self::new(RawListener::connect(url).await?, server))
    }

    /// Takes a connection of the pool, for as long as it lives.
    ///
    /// # Errors
    /// sqlx's, unchanged.
    pub async fn connect_with(pool: &PgPool) -> Result<Self, Error> {
        let raw = within(Context::current(), RawListener::connect_with(pool)).await?;
        Ok(Self::new(raw, Arc::clone(&pool.server)))
    }

    fn new(mut raw: RawListener, server: Arc<Server>) -> Self {
        // It is connected anew by us, who can say how long that took.
        raw.eager_reconnect(false);
        Self { raw, server, is_eager: true, is_lost: false, losses: 0 }
    }

    /// Whether to go on listening while the pool is being closed, as with sqlx.
    pub fn ignore_pool_close_event(&mut self, val: bool) {
        self.raw.ignore_pool_close_event(val);
    }

    /// Whether to connect anew before [`try_recv`](Self::try_recv) says that the connection was lost, as with sqlx.
    pub fn eager_reconnect(&mut self, val: bool) {
        self.is_eager = val;
    }

    /// How often the connection was lost.
    pub fn losses(&self) -> u64 {
        self.losses
    }

    /// Begins to listen on a channel.
    ///
    /// # Errors
    /// sqlx's, unchanged.
    pub async fn listen(&mut self, channel: &str) -> Result<(), Error> {
        let text = format!("LISTEN {}", quoted(channel));
        told(&self.server, &text, self.raw.listen(channel)).await
    }

    /// Begins to listen on channels.
    ///
    /// # Errors
    /// sqlx's, unchanged.
    pub async fn listen_all(&mut self, channels: impl IntoIterator<Item = &str>) -> Result<(), Error> {
        let channels: Vec<&str> = channels.into_iter().collect();
        let texts: Vec<String> =
            channels.iter().map(|channel| format!("LISTEN {}", quoted(channel))).collect();
        told(&self.server, &texts.join("; "), self.raw.listen_all(channels)).await
    }

    /// Listens on a channel no more.
    ///
    /// # Errors
    /// sqlx's, unchanged.
    pub async fn unlisten(&mut self, channel: &str) -> Result<(), Error> {
        let text = format!("UNLISTEN {}", quoted(channel));
        told(&self.server, &text, self.raw.unlisten(channel)).await
    }

    /// Listens on no channel any more.
    ///
    /// # Errors
    /// sqlx's, unchanged.
    pub async fn unlisten_all(&mut self) -> Result<(), Error> {
        told(&self.server, "UNLISTEN *", self.raw.unlisten_all()).await
    }

    /// Waits for the next notification, and connects anew if need be.
    ///
    /// # Errors
    /// sqlx's, unchanged.
    pub async fn recv(&mut self) -> Result<PgNotification, Error> {
        loop {
            if let Some(notification) = self.try_recv().await? {
                return Ok(notification);
            }
        }
    }

    /// Waits for the next notification; `None` if the connection was lost.
    ///
    /// # Errors
    /// sqlx's, unchanged.
    pub async fn try_recv(&mut self) -> Result<Option<PgNotification>, Error> {
        if self.is_lost {
            self.reconnect().await?;
        }
        if let Some(raw) = self.raw.try_recv().await? {
            return Ok(Some(PgNotification::new(raw)));
        }
        self.losses += 1;
        self.is_lost = true;
        if self.is_eager {
            self.reconnect().await?;
        }
        Ok(None)
    }

    /// The next notification that has come already, if any.
    pub fn next_buffered(&mut self) -> Option<PgNotification> {
        self.raw.next_buffered().map(PgNotification::new)
    }

    /// The notifications as a stream, which ends with the first error.
    pub fn into_stream(self) -> impl Stream<Item = Result<PgNotification, Error>> + Unpin {
        Box::pin(try_unfold(self, async |mut this: Self| Ok(Some((this.recv().await?, this)))))
    }

    /// An INTERNAL span without `db.system.name`: sqlx connects and listens anew, which is several calls.
    async fn reconnect(&mut self) -> Result<(), Error> {
        let span =
            SpanGuard::start_described(SpanKind::Internal, &Hint::default(), &Context::current(), || {
                Described::named("db.listener.reconnect")
            });
        let mut ending = Reconnecting { span, is_over: false };
        let context = ending.span.context().clone();
        let result = within(context, Acquire::acquire(&mut self.raw)).await.map(drop);
        ending.is_over = true;
        match &result {
            Ok(()) => self.is_lost = false,
            Err(error) => failure::record(error, &ending.span),
        }
        result
    }
}

/// Says so if nobody waits for it any more.
struct Reconnecting {
    span: SpanGuard,
    is_over: bool,
}

impl Drop for Reconnecting {
    fn drop(&mut self) {
        if !self.is_over {
            Outcome::Cancelled.record(&self.span);
        }
    }
}

/// A call that sqlx makes by itself.
async fn told<T>(
    server: &Arc<Server>,
    text: &str,
    work: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    let call = Call::start(server, Context::current(), Text::unbound(text));
    let result = within(call.active(), work).await;
    call.finish(result.as_ref().err());
    result
}

fn quoted(channel: &str) -> String {
    format!("\"{}\"", channel.replace('"', "\"\""))
}

/// Hands out sqlx's own types, as the trait demands: no spans beyond it.
impl<'c> Acquire<'c> for &'c mut PgListener {
    type Database = Postgres;
    type Connection = &'c mut RawConnection;

    fn acquire(self) -> BoxFuture<'c, Result<Self::Connection, Error>> {
        Acquire::acquire(&mut self.raw)
    }

    fn begin(self) -> BoxFuture<'c, Result<RawTransaction<'c, Postgres>, Error>> {
        Acquire::begin(&mut self.raw)
    }
}

/// Runs on the connection of the listener, without spans.
impl<'c> Executor<'c> for &'c mut PgListener {
    type Database = Postgres;

    fn fetch_many<'e, 'q: 'e, E>(self, query: E) -> BoxStream<'e, Result<Step, Error>>
    where
        'c: 'e,
        E: 'q + Execute<'q, Postgres>,
    {
        self.raw.fetch_many(query)
    }

    fn fetch_optional<'e, 'q: 'e, E>(self, query: E) -> BoxFuture<'e, Result<Option<PgRow>, Error>>
    where
        'c: 'e,
        E: 'q + Execute<'q, Postgres>,
    {
        self.raw.fetch_optional(query)
    }

    fn prepare_with<'e>(
        self,
        sql: SqlStr,
        parameters: &'e [PgTypeInfo],
    ) -> BoxFuture<'e, Result<PgStatement, Error>>
    where
        'c: 'e,
    {
        self.raw.prepare_with(sql, parameters)
    }

    #[doc(hidden)]
    fn describe<'e>(self, sql: SqlStr) -> BoxFuture<'e, Result<Describe<Postgres>, Error>>
    where
        'c: 'e,
    {
        self.raw.describe(sql)
    }
}

impl fmt::Debug for PgListener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PgListener").field("losses", &self.losses).finish_non_exhaustive()
    }
}
