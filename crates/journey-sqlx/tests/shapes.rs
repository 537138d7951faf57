//! The ways to call sqlx compile when only the type of the pool is changed.
//!
//! This package asks sqlx for no `macros`, so built alone (`cargo check -p journey-sqlx --tests`) it proves the shapes
//! without them; built with the workspace, with them. That they work too is tested there, against a server.

#![allow(dead_code, reason = "compiling is the test")]

use std::path::Path;

use futures_util::TryStreamExt;
use journey_sqlx::{
    PgAdvisoryLock, PgConnection, PgListener, PgNotification, PgPool, PoolConnection, Transaction, notify,
};
use sqlx::migrate::Migrator;
use sqlx::{Acquire, Connection, Either, Error, Executor, PgExecutor, Row, SqlSafeStr};

/// Scenario: each shape of a call, in functions that nobody calls; futures that must be `Send`; a bound over all lifetimes
/// of a connection, which an impl that is generic over databases makes the compiler overflow on, also for sqlx's type.
/// Guarantees: all of it compiles.
#[test]
fn all_shapes_compile() {
    fn is_send<T: Send>(_: impl FnOnce(PgPool) -> T) {}
    is_send(on_pool);
    is_send(on_transaction);
    is_send(on_connection);
    is_send(streams);
    is_send(raw_types);
    is_send(locks);
    is_send(listening);
    is_send(copies);
    is_send(higher_ranked);
    is_send(|pool| async move { tokio_like_spawn(async move { pool.begin().await?.commit().await }) });
}

async fn on_pool(pool: PgPool) -> Result<(), Error> {
    let row = sqlx::query("SELECT 1 AS one").fetch_one(&pool).await?;
    let _: i32 = row.try_get("one")?;
    let _: (i64, String) = sqlx::query_as("SELECT id, state FROM orders").fetch_one(&pool).await?;
    let _: Vec<i64> = sqlx::query_scalar("SELECT id FROM orders").fetch_all(&pool).await?;
    let _: Option<i64> = sqlx::query_scalar("SELECT id FROM orders").fetch_optional(&pool).await?;
    sqlx::query("UPDATE orders SET state = $1").bind("sold").execute(&pool).await?;
    sqlx::raw_sql("SELECT 1; SELECT 2").execute(&pool).await?;
    pool.execute("SELECT 1").await?;
    pool.prepare("SELECT 1".into_sql_str()).await?;
    generic(&pool).await?;
    Migrator::new(Path::new("migrations")).await?.run(&pool).await?;
    let _ = (pool.size(), pool.num_idle(), pool.is_closed(), pool.options().get_max_connections());
    pool.close().await;
    Ok(())
}

async fn on_transaction(pool: PgPool) -> Result<(), Error> {
    let mut tx: Transaction<'static> = pool.begin().await?;
    sqlx::query("SELECT 1").execute(&mut *tx).await?;
    sqlx::query("SELECT 1").execute(&mut tx).await?;
    generic(&mut *tx).await?;
    generic(&mut tx).await?;
    in_transaction(&mut tx).await?;
    let mut savepoint = tx.begin().await?;
    sqlx::query("SELECT 1").execute(&mut *savepoint).await?;
    savepoint.rollback().await?;
    if let Some(other) = pool.try_begin().await? {
        other.rollback().await?;
    }
    tx.commit().await
}

async fn in_transaction(tx: &mut Transaction<'_>) -> Result<(), Error> {
    sqlx::query("SELECT 1").execute(&mut **tx).await?;
    Ok(())
}

async fn on_connection(pool: PgPool) -> Result<(), Error> {
    let mut connection: PoolConnection = pool.acquire().await?;
    sqlx::query("SELECT 1").execute(&mut *connection).await?;
    connection.ping().await?;
    connection.begin().await?.commit().await?;
    let mut single: PgConnection = connection.detach();
    sqlx::query("SELECT 1").execute(&mut single).await?;
    single.close().await
}

async fn streams(pool: PgPool) -> Result<(), Error> {
    let ids = sqlx::query("SELECT id FROM orders").fetch(&pool).map_ok(|row| row.get::<i64, _>("id"));
    let _: Vec<i64> = ids.try_collect().await?;
    let mut rows = sqlx::query("SELECT id FROM orders").fetch(&pool);
    rows.try_next().await?;
    drop(rows);
    let mut tx = pool.begin().await?;
    let mut rows = sqlx::query("SELECT id FROM orders").fetch(&mut *tx);
    while rows.try_next().await?.is_some() {}
    Ok(())
}

async fn locks(pool: PgPool) -> Result<(), Error> {
    let lock = PgAdvisoryLock::new("prices");
    let mut guard = lock.acquire(pool.acquire().await?).await?;
    sqlx::query("SELECT 1").execute(&mut *guard).await?;
    generic(&mut *guard).await?;
    let connection: PoolConnection = guard.release_now().await?;
    match lock.try_acquire(connection).await? {
        Either::Left(guard) => drop(guard.leak()),
        Either::Right(connection) => drop(lock.force_release(connection).await?),
    }
    let mut tx = pool.begin().await?;
    drop(lock.acquire(&mut tx).await?);
    drop(lock.acquire(&mut *tx).await?);
    let own = sqlx::postgres::PgAdvisoryLock::with_key(lock.key().clone());
    drop(own.acquire(&mut tx).await?);
    own.acquire(pool.acquire().await?).await?.release_now().await.map(drop)
}

async fn listening(pool: PgPool) -> Result<(), Error> {
    let mut listener = PgListener::connect_with(&pool).await?;
    listener.listen("prices").await?;
    listener.listen_all(["prices", "orders"]).await?;
    notify(&pool, "prices", "ORD-1").await?;
    let notification: PgNotification = listener.recv().await?;
    let _ = (notification.payload(), notification.channel(), notification.process_id());
    while let Some(_notification) = listener.try_recv().await? {}
    sqlx::query("SELECT 1").execute(&mut listener).await?;
    listener.unlisten("prices").await?;
    let mut stream = listener.into_stream();
    stream.try_next().await?;
    sqlx::postgres::PgListener::connect_with(&pool).await.map(drop)
}

async fn copies(pool: PgPool) -> Result<(), Error> {
    let mut copy = pool.copy_in_raw("COPY orders FROM STDIN").await?;
    copy.send(&b"1"[..]).await?;
    copy.finish().await?;
    let mut connection = pool.acquire().await?;
    connection.copy_in_raw("COPY orders FROM STDIN").await?.abort("enough").await?;
    let mut data = connection.copy_out_raw("COPY orders TO STDOUT").await?;
    while data.try_next().await?.is_some() {}
    Ok(())
}

async fn raw_types(pool: PgPool) -> Result<(), Error> {
    async fn on_raw_pool(pool: &sqlx::PgPool) -> Result<(), Error> {
        sqlx::query("SELECT 1").execute(pool).await.map(drop)
    }
    async fn on_raw_connection(connection: &mut sqlx::PgConnection) -> Result<(), Error> {
        sqlx::query("SELECT 1").execute(connection).await.map(drop)
    }
    async fn on_acquire<'a>(from: impl Acquire<'a, Database = sqlx::Postgres>) -> Result<(), Error> {
        on_raw_connection(&mut *from.acquire().await?).await
    }
    on_raw_pool(&pool).await?;
    on_raw_connection(&mut *pool.acquire().await?).await?;
    on_raw_connection(&mut *pool.begin().await?).await?;
    on_acquire(&pool).await
}

/// Not `Send`, and neither would it be with sqlx's own transaction: the compiler cannot prove it.
async fn acquire_of_transaction(pool: PgPool) -> Result<(), Error> {
    async fn on_acquire<'a>(from: impl Acquire<'a, Database = sqlx::Postgres>) -> Result<(), Error> {
        from.acquire().await?.ping().await
    }
    on_acquire(&mut pool.begin().await?).await
}

async fn higher_ranked(pool: PgPool) -> Result<(), Error> {
    async fn one<C>(connection: &mut C) -> Result<(), Error>
    where
        for<'a> &'a mut C: Executor<'a, Database = sqlx::Postgres>,
    {
        sqlx::query("SELECT 1").execute(&mut *connection).await.map(drop)
    }
    let mut connection = pool.acquire().await?.detach();
    one::<sqlx::PgConnection>(&mut connection).await?;
    one::<PgConnection>(&mut connection).await
}

async fn generic<'e>(executor: impl PgExecutor<'e>) -> Result<Vec<String>, Error> {
    sqlx::query_scalar("SELECT state FROM orders").fetch_all(executor).await
}

fn tokio_like_spawn<F: Future + Send + 'static>(_: F) {}
