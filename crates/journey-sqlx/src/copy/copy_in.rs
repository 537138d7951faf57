//! `COPY FROM STDIN`.

use std::fmt;
use std::future::poll_fn;
use std::ops::Deref;
use std::sync::Arc;
use std::task::Poll;

use futures_core::future::BoxFuture;
use sqlx_core::Error;
use sqlx_core::io::{AsyncRead, AsyncReadExt};
use sqlx_postgres::PgConnection as RawConnection;

use super::desk::{Desk, Format, Order};
use crate::call::{Call, Text};
use crate::limits::COPY_CHUNK_BYTES;
use crate::route::Route;
use crate::within::within;

/// In place of `sqlx::postgres::PgCopyIn`: a `COPY FROM STDIN` with a span from its statement to
/// [`finish`](Self::finish) or [`abort`](Self::abort).
///
/// Dropped without either it is `cancelled`, the server discards the data, and further calls on the same connection fail.
#[must_use = "the data is discarded if neither `finish` nor `abort` is called"]
pub struct PgCopyIn<'c> {
    /// Owns the call and its connection; gives the number of rows. `None` once it has ended.
    work: Option<BoxFuture<'c, Result<u64, Error>>>,
    desk: Arc<Desk>,
}

impl<'c> PgCopyIn<'c> {
    pub(super) async fn begin(route: Route<'c>, statement: &str) -> Result<Self, Error> {
        let desk = Arc::new(Desk::new());
        let work = copy_in(route, statement.to_owned(), Arc::clone(&desk));
        let mut this = Self { work: Some(Box::pin(work)), desk };
        this.until_free().await?;
        Ok(this)
    }

    /// Whether the server expects text or CSV.
    pub fn is_textual(&self) -> bool {
        self.format().is_textual
    }

    /// How many columns the server expects.
    pub fn num_columns(&self) -> usize {
        self.format().columns.len()
    }

    /// Whether the server expects text in a column.
    ///
    /// # Panics
    /// As sqlx's own, if there is no such column.
    pub fn column_is_textual(&self, column: usize) -> bool {
        self.format().columns[column]
    }

    /// Sends data; some of it may have been sent if this is not awaited to its end, as with sqlx.
    ///
    /// # Errors
    /// sqlx's, unchanged. Nothing can be sent after one.
    pub async fn send(&mut self, data: impl Deref<Target = [u8]>) -> Result<&mut Self, Error> {
        for chunk in data.chunks(COPY_CHUNK_BYTES) {
            self.does(Order::Send(chunk.to_vec())).await?;
        }
        Ok(self)
    }

    /// Sends all that `source` has, as sqlx does.
    ///
    /// # Errors
    /// sqlx's, unchanged. Nothing can be sent after one of the server's.
    pub async fn read_from(&mut self, mut source: impl AsyncRead + Unpin) -> Result<&mut Self, Error> {
        loop {
            let mut chunk = vec![0; COPY_CHUNK_BYTES];
            let length = source.read(&mut chunk).await?;
            if length == 0 {
                return Ok(self);
            }
            chunk.truncate(length);
            self.does(Order::Send(chunk)).await?;
        }
    }

    /// Lets the server discard the data.
    ///
    /// # Errors
    /// sqlx's, unchanged.
    pub async fn abort(mut self, message: impl Into<String>) -> Result<(), Error> {
        self.does(Order::Abort(message.into())).await.map(drop)
    }

    /// Ends the data, and gives the number of rows.
    ///
    /// # Errors
    /// sqlx's, unchanged.
    pub async fn finish(mut self) -> Result<u64, Error> {
        self.does(Order::Finish).await.map(Option::unwrap_or_default)
    }

    fn format(&self) -> &Format {
        self.desk.format.get().expect("the server has said so before the first order was taken")
    }

    /// Lets an order be done, after the one before it, which its caller may have left.
    async fn does(&mut self, order: Order) -> Result<Option<u64>, Error> {
        self.until_free().await?;
        self.desk.put(order);
        self.until_free().await
    }

    /// Polls the work while there is something to do. Gives the number of rows if it has ended.
    async fn until_free(&mut self) -> Result<Option<u64>, Error> {
        let Self { work, desk } = self;
        poll_fn(|task| {
            if desk.is_free() {
                return Poll::Ready(Ok(None));
            }
            let Some(running) = work else {
                return Poll::Ready(Err(Error::Protocol("the COPY has ended".to_owned())));
            };
            match running.as_mut().poll(task) {
                Poll::Ready(result) => {
                    *work = None;
                    Poll::Ready(result.map(Some))
                }
                Poll::Pending if desk.is_free() => Poll::Ready(Ok(None)),
                Poll::Pending => Poll::Pending,
            }
        })
        .await
    }
}

impl fmt::Debug for PgCopyIn<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PgCopyIn").finish_non_exhaustive()
    }
}

/// The whole call. It is dropped with what the caller holds, and says so.
async fn copy_in(mut route: Route<'_>, statement: String, desk: Arc<Desk>) -> Result<u64, Error> {
    let mut call = Call::start(route.server(), route.parent(), Text::unbound(&statement));
    let active = call.active();
    let result = within(active, take_in(&mut route, &mut call, &statement, &desk)).await;
    match result {
        Ok(Some(rows)) => {
            call.changes(rows);
            call.finish(None);
            Ok(rows)
        }
        Ok(None) => {
            // The caller has had enough of it; that is no error.
            call.row_is_out();
            Ok(0)
        }
        Err(error) => {
            call.finish(Some(&error));
            Err(error)
        }
    }
}

/// Does what is ordered; `None` if that was to abort.
async fn take_in(
    route: &mut Route<'_>,
    call: &mut Call,
    statement: &str,
    desk: &Desk,
) -> Result<Option<u64>, Error> {
    let mut work = route.work(call).await?;
    work.copies(call);
    let mut is_aborted = false;
    let result = async {
        let raw: &mut RawConnection = &mut work;
        let mut copy = raw.copy_in_raw(statement).await?;
        let columns = (0..copy.num_columns()).map(|column| copy.column_is_textual(column)).collect();
        let _ = desk.format.set(Format { is_textual: copy.is_textual(), columns });
        loop {
            match desk.take().await {
                Order::Abort(message) => {
                    is_aborted = true;
                    return copy.abort(message).await.map(|()| None);
                }
                Order::Finish => return copy.finish().await.map(Some),
                Order::Send(data) => drop(copy.send(data).await?),
            }
        }
    };
    let result = result.await;
    // What the server refuses, it has answered. To abort is answered by an error of its own, which sqlx reads.
    let is_refused = matches!(result, Err(Error::Database(_))) && !is_aborted;
    if result.is_ok() || is_refused {
        work.has_copied();
    }
    if is_aborted && result.is_ok() {
        work.is_undone();
    }
    work.is_answered(&result);
    call.ends_at(work.over());
    result
}
