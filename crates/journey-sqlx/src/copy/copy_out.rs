//! `COPY TO STDOUT`.

use futures_util::TryStreamExt;
use sqlx_core::Error;
use sqlx_core::bytes::Bytes;
use sqlx_core::ext::async_stream::{TryAsyncStream, Yielder};
use sqlx_postgres::PgConnection as RawConnection;

use super::Data;
use crate::call::{Call, Text};
use crate::route::Route;
use crate::within::within;

/// One stream is call and data, so that the call is dropped with the data, wherever that is.
pub(super) async fn begin<'c>(mut route: Route<'c>, statement: &str) -> Result<Data<'c>, Error> {
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
    work.copies(call);
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
        work.has_copied();
    }
    work.is_answered(&result);
    call.ends_at(work.over());
    result
}
