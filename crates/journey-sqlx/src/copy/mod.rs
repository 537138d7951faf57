//! `COPY FROM STDIN` and `COPY TO STDOUT`.

mod copy_in;
mod copy_out;
mod desk;

use futures_core::stream::BoxStream;
use sqlx_core::Error;
use sqlx_core::bytes::Bytes;

pub use self::copy_in::PgCopyIn;

use crate::route::Route;
use crate::{PgConnection, PgPool};

impl PgConnection {
    /// Begins a `COPY … FROM STDIN`, with a span.
    ///
    /// # Errors
    /// sqlx's, unchanged.
    pub async fn copy_in_raw(&mut self, statement: &str) -> Result<PgCopyIn<'_>, Error> {
        PgCopyIn::begin(Route::from(self), statement).await
    }

    /// Begins a `COPY … TO STDOUT`, with a span to the end of the data.
    ///
    /// # Errors
    /// sqlx's, unchanged.
    pub async fn copy_out_raw<'c>(&'c mut self, statement: &str) -> Result<Data<'c>, Error> {
        copy_out::begin(Route::from(self), statement).await
    }
}

impl PgPool {
    /// Begins a `COPY … FROM STDIN` on a connection of the pool, with a span.
    ///
    /// # Errors
    /// sqlx's, unchanged.
    pub async fn copy_in_raw(&self, statement: &str) -> Result<PgCopyIn<'static>, Error> {
        PgCopyIn::begin(Route::from(self), statement).await
    }

    /// Begins a `COPY … TO STDOUT` on a connection of the pool, with a span to the end of the data.
    ///
    /// # Errors
    /// sqlx's, unchanged.
    pub async fn copy_out_raw(&self, statement: &str) -> Result<Data<'static>, Error> {
        copy_out::begin(Route::from(self), statement).await
    }
}

type Data<'c> = BoxStream<'c, Result<Bytes, Error>>;
