//! A listener for notifications.

mod executor;
mod loan;
mod reconnecting;

use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use futures_core::Stream;
use futures_util::stream::try_unfold;
use journey_trace::SpanGuard;
use journey_trace::sampling::Hint;
use journey_trace::span::Described;
use opentelemetry::Context;
use opentelemetry::trace::SpanKind;
use sqlx_core::Error;
use sqlx_core::acquire::Acquire;
use sqlx_postgres::PgListener as RawListener;

use self::loan::Loan;
use self::reconnecting::Reconnecting;
use crate::acquiring::{Waiter, measured};
use crate::call::{Call, Text};
use crate::metrics::listener_lost;
use crate::server::Server;
use crate::wait::Wait;
use crate::within::within;
use crate::{PgNotification, PgPool, failure};

/// In place of `sqlx::postgres::PgListener`: `LISTEN`, `UNLISTEN` and queries on it have spans, and so has each time that it
/// connects anew after its connection was lost.
///
/// What is notified in the meantime is lost; [`losses`](Self::losses) says how often that may have been. The context of
/// who notified comes with what [`notify`](crate::notify) sent: [`PgNotification::carrier`].
pub struct PgListener {
    raw: RawListener,
    server: Arc<Server>,
    /// How long the pool was waited for, until the first call tells it.
    pool_wait: Option<Wait>,
    /// The connection, if it is one of our pool.
    loan: Option<Loan>,
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

    /// Takes a connection of the pool, for as long as it lives. The wait is told by the first call.
    ///
    /// # Errors
    /// sqlx's, unchanged.
    pub async fn connect_with(pool: &PgPool) -> Result<Self, Error> {
        let (context, mut pool_wait) = (Context::current(), None);
        let waiter = Waiter { context: &context, since: Instant::now(), told: &mut pool_wait };
        let connect = measured(&pool.server, waiter, RawListener::connect_with(pool));
        let raw = within(context.clone(), connect).await?;
        let listener = Self::new(raw, Arc::clone(&pool.server));
        Ok(Self { pool_wait, loan: Loan::begin(&pool.server), ..listener })
    }

    fn new(mut raw: RawListener, server: Arc<Server>) -> Self {
        // It is connected anew by us, who can say how long that took.
        raw.eager_reconnect(false);
        Self { raw, server, pool_wait: None, loan: None, is_eager: true, is_lost: false, losses: 0 }
    }

    /// Whether to go on listening while the pool is being closed, as with sqlx.
    pub fn ignore_pool_close_event(&mut self, val: bool) {
        self.raw.ignore_pool_close_event(val);
    }

    /// Whether to connect anew before [`try_recv`](Self::try_recv) says that the connection was lost, as with sqlx.
    pub fn eager_reconnect(&mut self, val: bool) {
        self.is_eager = val;
    }

    /// How often the connection was lost; the metric `journey.db.listener.losses` counts it too.
    pub fn losses(&self) -> u64 {
        self.losses
    }

    /// Begins to listen on a channel.
    ///
    /// # Errors
    /// sqlx's, unchanged.
    pub async fn listen(&mut self, channel: &str) -> Result<(), Error> {
        self.connected().await?;
        let text = format!("LISTEN {}", quoted(channel));
        let call = self.call(Text::unbound(&text));
        told(call, self.raw.listen(channel)).await
    }

    /// Begins to listen on channels.
    ///
    /// # Errors
    /// sqlx's, unchanged.
    pub async fn listen_all(&mut self, channels: impl IntoIterator<Item = &str>) -> Result<(), Error> {
        let channels: Vec<&str> = channels.into_iter().collect();
        self.connected().await?;
        let texts: Vec<String> =
            channels.iter().map(|channel| format!("LISTEN {}", quoted(channel))).collect();
        let call = self.call(Text::unbound(&texts.join("; ")));
        told(call, self.raw.listen_all(channels)).await
    }

    /// Listens on a channel no more.
    ///
    /// # Errors
    /// sqlx's, unchanged.
    pub async fn unlisten(&mut self, channel: &str) -> Result<(), Error> {
        if self.is_lost {
            // Nothing is sent: a connection that is lost listens to nothing.
            return self.raw.unlisten(channel).await;
        }
        let text = format!("UNLISTEN {}", quoted(channel));
        let call = self.call(Text::unbound(&text));
        told(call, self.raw.unlisten(channel)).await
    }

    /// Listens on no channel any more.
    ///
    /// # Errors
    /// sqlx's, unchanged.
    pub async fn unlisten_all(&mut self) -> Result<(), Error> {
        if self.is_lost {
            return self.raw.unlisten_all().await;
        }
        let call = self.call(Text::unbound("UNLISTEN *"));
        told(call, self.raw.unlisten_all()).await
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
        self.connected().await?;
        if let Some(raw) = self.raw.try_recv().await? {
            return Ok(Some(PgNotification::new(raw)));
        }
        self.losses += 1;
        listener_lost(&self.server.target);
        self.is_lost = true;
        self.loan = None;
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

    /// Starts a call. The first one tells the wait for the connection.
    fn call(&mut self, text: Text<'_>) -> Call {
        let mut call = Call::start(&self.server, Context::current(), text);
        if let Some(wait) = self.pool_wait.take() {
            call.tells(wait);
        }
        call
    }

    /// Connects anew if the connection was lost.
    async fn connected(&mut self) -> Result<(), Error> {
        if self.is_lost { self.reconnect().await } else { Ok(()) }
    }

    /// An INTERNAL span without `db.system.name`: sqlx connects and listens anew, which is several calls. Both are in the
    /// wait for the pool: sqlx does them in one.
    async fn reconnect(&mut self) -> Result<(), Error> {
        let span =
            SpanGuard::start_described(SpanKind::Internal, &Hint::default(), &Context::current(), || {
                Described::named("db.listener.reconnect")
            });
        let mut ending = Reconnecting { span, wait: None, is_over: false };
        let context = ending.span.context().clone();
        let waiter = Waiter { context: &context, since: Instant::now(), told: &mut ending.wait };
        let connect = measured(&self.server, waiter, Acquire::acquire(&mut self.raw));
        let result = within(context.clone(), connect).await.map(drop);
        ending.is_over = true;
        match &result {
            Ok(()) => {
                self.is_lost = false;
                self.loan = Loan::begin(&self.server);
            }
            Err(error) => failure::record(error, &ending.span),
        }
        result
    }
}

/// A call that sqlx makes by itself.
async fn told<T>(call: Call, work: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
    let result = within(call.active(), work).await;
    call.finish(result.as_ref().err());
    result
}

fn quoted(channel: &str) -> String {
    format!("\"{}\"", channel.replace('"', "\"\""))
}

impl fmt::Debug for PgListener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PgListener").field("losses", &self.losses).finish_non_exhaustive()
    }
}
