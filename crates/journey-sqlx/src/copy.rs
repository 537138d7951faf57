//! `COPY FROM STDIN` and `COPY TO STDOUT`.

use std::fmt;
use std::ops::{Deref, DerefMut};

use futures_core::stream::BoxStream;
use futures_util::TryStreamExt;
use opentelemetry::Context;
use sqlx_core::Error;
use sqlx_core::bytes::Bytes;
use sqlx_core::ext::async_stream::{TryAsyncStream, Yielder};
use sqlx_core::io::AsyncRead;
use sqlx_core::pool::PoolConnection as RawPoolConnection;
use sqlx_postgres::{PgConnection as RawConnection, PgCopyIn as RawCopyIn, PgPoolCopyExt, Postgres};

use crate::call::{Call, Text};
use crate::copying::Copying;
use crate::route::Route;
use crate::within::within;
use crate::{PgConnection, PgPool};

/// In place of `sqlx::postgres::PgCopyIn`: a `COPY FROM STDIN` with a span from its statement to
/// [`finish`](Self::finish) or [`abort`](Self::abort).
///
/// Dropped without either it is `cancelled`, and the server discards the data.
#[must_use = "the data is discarded if neither `finish` nor `abort` is called"]
pub struct PgCopyIn<C: DerefMut<Target = RawConnection>> {
    raw: RawCopyIn<C>,
    call: Call,
    /// `None` if sqlx has the connection for itself.
    copying: Option<Copying>,
}

impl<C: DerefMut<Target = RawConnection>> PgCopyIn<C> {
    async fn begin(
        call: Call,
        copying: Option<Copying>,
        raw: impl Future<Output = Result<RawCopyIn<C>, Error>>,
    ) -> Result<Self, Error> {
        match within(call.active(), raw).await {
            Ok(raw) => Ok(Self { raw, call, copying }),
            Err(error) => {
                ends(copying.as_ref(), &error);
                call.finish(Some(&error));
                Err(error)
            }
        }
    }

    /// Sends data, as sqlx does.
    ///
    /// # Errors
    /// sqlx's, unchanged.
    pub async fn send(&mut self, data: impl Deref<Target = [u8]>) -> Result<&mut Self, Error> {
        self.raw.send(data).await?;
        Ok(self)
    }

    /// Sends all that `source` has, as sqlx does.
    ///
    /// # Errors
    /// sqlx's, unchanged.
    pub async fn read_from(&mut self, source: impl AsyncRead + Unpin) -> Result<&mut Self, Error> {
        self.raw.read_from(source).await?;
        Ok(self)
    }

    /// Lets the server discard the data.
    ///
    /// # Errors
    /// sqlx's, unchanged.
    pub async fn abort(self, message: impl Into<String>) -> Result<(), Error> {
        let Self { raw, mut call, copying } = self;
        // The caller has had enough of it; that is no error.
        call.row_is_out();
        let result = raw.abort(message).await;
        match result {
            Ok(()) => {
                // The server answers with an error, as the caller wished; in a transaction it is one all the same.
                copying.iter().for_each(Copying::fails);
                copying.iter().for_each(Copying::ends);
                Ok(())
            }
            Err(error) => {
                call.finish(Some(&error));
                Err(error)
            }
        }
    }

    /// Ends the data, and gives the number of rows.
    ///
    /// # Errors
    /// sqlx's, unchanged.
    pub async fn finish(self) -> Result<u64, Error> {
        let Self { raw, mut call, copying } = self;
        let result = raw.finish().await;
        match &result {
            Ok(rows) => {
                copying.iter().for_each(Copying::ends);
                call.changes(*rows);
            }
            Err(error) => ends(copying.as_ref(), error),
        }
        call.finish(result.as_ref().err());
        result
    }
}

/// What does not talk to the server, such as `num_columns`.
impl<C: DerefMut<Target = RawConnection>> Deref for PgCopyIn<C> {
    type Target = RawCopyIn<C>;

    fn deref(&self) -> &RawCopyIn<C> {
        &self.raw
    }
}

impl<C: DerefMut<Target = RawConnection>> fmt::Debug for PgCopyIn<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PgCopyIn").finish_non_exhaustive()
    }
}

impl PgConnection {
    /// Begins a `COPY … FROM STDIN`, with a span.
    ///
    /// # Errors
    /// sqlx's, unchanged.
    pub async fn copy_in_raw(&mut self, statement: &str) -> Result<PgCopyIn<&mut RawConnection>, Error> {
        let mut call = Call::start(&self.server, self.parent(), Text::unbound(statement));
        let copying = self.copies(&mut call);
        let raw: &mut RawConnection = self;
        PgCopyIn::begin(call, Some(copying), raw.copy_in_raw(statement)).await
    }

    /// Begins a `COPY … TO STDOUT`, with a span to the end of the data.
    ///
    /// # Errors
    /// sqlx's, unchanged.
    pub async fn copy_out_raw<'c>(&'c mut self, statement: &str) -> Result<Data<'c>, Error> {
        copy_out(Route::from(self), statement).await
    }
}

impl PgPool {
    /// Begins a `COPY … FROM STDIN` on a connection of the pool, with a span.
    ///
    /// # Errors
    /// sqlx's, unchanged.
    pub async fn copy_in_raw(&self, statement: &str) -> Result<PgCopyIn<RawPoolConnection<Postgres>>, Error> {
        let call = Call::start(&self.server, Context::current(), Text::unbound(statement));
        PgCopyIn::begin(call, None, PgPoolCopyExt::copy_in_raw(&**self, statement)).await
    }

    /// Begins a `COPY … TO STDOUT` on a connection of the pool, with a span to the end of the data.
    ///
    /// # Errors
    /// sqlx's, unchanged.
    pub async fn copy_out_raw(&self, statement: &str) -> Result<Data<'static>, Error> {
        copy_out(Route::from(self), statement).await
    }
}

/// What the server has refused, it has answered.
fn ends(copying: Option<&Copying>, error: &Error) {
    if matches!(error, Error::Database(_)) {
        copying.iter().for_each(|copying| {
            copying.fails();
            copying.ends();
        });
    }
}

type Data<'c> = BoxStream<'c, Result<Bytes, Error>>;

/// One stream is call and data, so that the call is dropped with the data, wherever that is.
async fn copy_out<'c>(mut route: Route<'c>, statement: &str) -> Result<Data<'c>, Error> {
    let statement = statement.to_owned();
    let mut steps = TryAsyncStream::new(|yielder| async move {
        let mut call = Call::start(route.server(), route.parent(), Text::unbound(&statement));
        let active = call.active();
        let result = within(active, pass_on(&mut route, &mut call, &statement, &yielder)).await;
        call.finish(result.as_ref().err());
        result
    });
    // It has begun, or never will.
    steps.try_next().await?;
    Ok(Box::pin(steps.try_filter_map(async |step| Ok(step))))
}

/// `None`, when the server has taken the statement, and then its data.
async fn pass_on(
    route: &mut Route<'_>,
    call: &mut Call,
    statement: &str,
    yielder: &Yielder<Option<Bytes>>,
) -> Result<(), Error> {
    let mut work = route.work(call).await?;
    let copying = work.copies(call);
    let result = async {
        let raw: &mut RawConnection = &mut work;
        let mut data = raw.copy_out_raw(statement).await?;
        call.row_is_out();
        yielder.r#yield(None).await;
        call.row_is_wanted();
        while let Some(chunk) = data.try_next().await? {
            call.row_is_out();
            yielder.r#yield(Some(chunk)).await;
            call.row_is_wanted();
        }
        Ok(())
    };
    let result = result.await;
    // Not after an error: sqlx leaves an answer unread if the server refuses the statement.
    if result.is_ok() {
        copying.ends();
    }
    work.is_answered(&result);
    call.ends_at(work.over());
    result
}
