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
}

impl<C: DerefMut<Target = RawConnection>> PgCopyIn<C> {
    async fn begin(
        call: Call,
        raw: impl Future<Output = Result<RawCopyIn<C>, Error>>,
    ) -> Result<Self, Error> {
        match within(call.active(), raw).await {
            Ok(raw) => Ok(Self { raw, call }),
            Err(error) => {
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
        let Self { raw, mut call } = self;
        // The caller has had enough of it; that is no error.
        call.row_is_out();
        let result = raw.abort(message).await;
        match result {
            Ok(()) => Ok(()),
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
        let Self { raw, mut call } = self;
        let result = raw.finish().await;
        if let Ok(rows) = &result {
            call.changes(*rows);
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
        let call = Call::start(&self.server, &self.parent(), Text::unbound(statement));
        let raw: &mut RawConnection = self;
        PgCopyIn::begin(call, raw.copy_in_raw(statement)).await
    }

    /// Begins a `COPY … TO STDOUT`, with a span to the end of the data.
    ///
    /// # Errors
    /// sqlx's, unchanged.
    pub async fn copy_out_raw<'c>(
        &'c mut self,
        statement: &str,
    ) -> Result<BoxStream<'c, Result<Bytes, Error>>, Error> {
        let call = Call::start(&self.server, &self.parent(), Text::unbound(statement));
        let raw: &mut RawConnection = self;
        copy_out(call, raw.copy_out_raw(statement)).await
    }
}

impl PgPool {
    /// Begins a `COPY … FROM STDIN` on a connection of the pool, with a span.
    ///
    /// # Errors
    /// sqlx's, unchanged.
    pub async fn copy_in_raw(&self, statement: &str) -> Result<PgCopyIn<RawPoolConnection<Postgres>>, Error> {
        let call = Call::start(&self.server, &Context::current(), Text::unbound(statement));
        PgCopyIn::begin(call, PgPoolCopyExt::copy_in_raw(&**self, statement)).await
    }

    /// Begins a `COPY … TO STDOUT` on a connection of the pool, with a span to the end of the data.
    ///
    /// # Errors
    /// sqlx's, unchanged.
    pub async fn copy_out_raw(
        &self,
        statement: &str,
    ) -> Result<BoxStream<'static, Result<Bytes, Error>>, Error> {
        let call = Call::start(&self.server, &Context::current(), Text::unbound(statement));
        copy_out(call, PgPoolCopyExt::copy_out_raw(&**self, statement)).await
    }
}

type Data<'c> = BoxStream<'c, Result<Bytes, Error>>;

async fn copy_out<'c>(
    call: Call,
    begin: impl Future<Output = Result<Data<'c>, Error>>,
) -> Result<Data<'c>, Error> {
    match within(call.active(), begin).await {
        Ok(data) => Ok(Box::pin(TryAsyncStream::new(|yielder| pass_on(call, data, yielder)))),
        Err(error) => {
            call.finish(Some(&error));
            Err(error)
        }
    }
}

async fn pass_on(mut call: Call, mut data: Data<'_>, yielder: Yielder<Bytes>) -> Result<(), Error> {
    let context = call.active();
    let pass_on = async {
        while let Some(chunk) = data.try_next().await? {
            call.row_is_out();
            yielder.r#yield(chunk).await;
            call.row_is_wanted();
        }
        Ok(())
    };
    let result = within(context, pass_on).await;
    call.finish(result.as_ref().err());
    result
}
