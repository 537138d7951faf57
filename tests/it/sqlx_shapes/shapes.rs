//! The ways to call sqlx that must go on compiling when the type of the pool is changed.

use futures_util::TryStreamExt;
use journey::sqlx::PgPool;
use sqlx::{Acquire, Connection, Executor, PgExecutor, Row};

use super::bench::{pool, traced};

/// Scenario: every shape of a call, on a pool, a connection and a transaction.
/// Guarantees: all compile and answer, each with the spans that it says.
#[tokio::test]
async fn all_shapes_have_spans() -> Result<(), sqlx::Error> {
    let Some(pool) = pool(1).await else { return Ok(()) };
    let spans = traced(async { all_shapes(&pool).await.expect("every shape answers") }).await;
    assert_eq!(
        spans.names(),
        [
            // On the pool.
            "SELECT orders",
            "SELECT",
            "SELECT",
            "SELECT orders",
            "SELECT orders",
            "SELECT orders",
            // On an acquired connection.
            "UPDATE orders",
            "SELECT orders",
            // In a transaction with a savepoint.
            "BEGIN",
            "DELETE orders",
            "SELECT orders",
            "DELETE orders",
            "SAVEPOINT",
            "INSERT orders",
            "RELEASE",
            "transaction",
            "ROLLBACK",
            "transaction",
            // Streams.
            "SELECT orders",
            "SELECT orders",
            // Several statements.
            "SELECT INSERT orders",
        ]
    );
    Ok(())
}

async fn all_shapes(pool: &PgPool) -> Result<(), sqlx::Error> {
    // 1: fetch_one.
    sqlx::query("SELECT id FROM orders WHERE id = $1").bind(1_i64).fetch_one(pool).await?;
    // 2: macros that were checked against a database.
    let number = sqlx::query!(r#"SELECT $1::bigint AS "number!""#, 7_i64).fetch_one(pool).await?.number;
    assert_eq!(number, 7);
    #[derive(Debug)]
    struct Number {
        number: i64,
    }
    let all = sqlx::query_as!(Number, r#"SELECT $1::bigint AS "number!""#, 8_i64).fetch_all(pool).await?;
    assert_eq!(all[0].number, 8);
    // 3: query_as, query_scalar.
    let row: (i64, String) = sqlx::query_as("SELECT id, state FROM orders LIMIT 1").fetch_one(pool).await?;
    assert_eq!(row.1, "new");
    let count: i64 = sqlx::query_scalar("SELECT count(*) FROM orders").fetch_one(pool).await?;
    assert_eq!(count, 3);
    // 4: generic over the executor; again in the transaction below.
    assert_eq!(states(pool).await?.len(), 3);

    // 5, 7: acquire, and `&mut *connection`.
    let mut connection = pool.acquire().await?;
    let done = sqlx::query("UPDATE orders SET state = $1").bind("priced").execute(&mut *connection).await?;
    assert_eq!(done.rows_affected(), 3);
    (&mut *connection).fetch_optional("SELECT id FROM orders").await?;
    connection.ping().await?;
    drop(connection);

    // 5, 6, 8: begin, both ways to name it, and a savepoint.
    let mut tx = pool.begin().await?;
    sqlx::query("DELETE FROM orders WHERE id = $1").bind(1_i64).execute(&mut *tx).await?;
    assert_eq!(states(&mut *tx).await?.len(), 2);
    (&mut tx).execute("DELETE FROM orders WHERE id = 2").await?;
    let mut savepoint = tx.begin().await?;
    sqlx::query("INSERT INTO orders VALUES ($1)").bind(9_i64).execute(&mut *savepoint).await?;
    savepoint.commit().await?;
    tx.rollback().await?;

    // 9, 10: a stream read to its end, and one that is not.
    let rows: Vec<i64> = sqlx::query("SELECT id FROM orders")
        .fetch(pool)
        .map_ok(|row| row.get::<i64, _>("id"))
        .try_collect()
        .await?;
    assert_eq!(rows, [1, 2, 3]);
    let mut rows = sqlx::query("SELECT id FROM orders").fetch(pool);
    rows.try_next().await?;
    drop(rows);

    // 11: several statements.
    sqlx::raw_sql("SELECT 1; INSERT INTO orders VALUES (10)").execute(pool).await?;
    Ok(())
}

async fn states<'e>(executor: impl PgExecutor<'e>) -> Result<Vec<String>, sqlx::Error> {
    sqlx::query_scalar("SELECT state FROM orders").fetch_all(executor).await
}

/// Scenario: shape 12, calls in spawned tasks, on a pool and in a transaction.
/// Guarantees: the futures are `Send` and `'static`.
#[tokio::test]
async fn calls_may_be_spawned() -> Result<(), Box<dyn std::error::Error>> {
    let Some(pool) = pool(2).await else { return Ok(()) };
    let in_task = pool.clone();
    let number: i32 =
        tokio::spawn(async move { sqlx::query_scalar("SELECT 1").fetch_one(&in_task).await }).await??;
    assert_eq!(number, 1);
    tokio::spawn(pool.acquire()).await??;
    tokio::spawn(async move {
        let mut tx = pool.begin().await?;
        sqlx::query("SELECT 1").execute(&mut *tx).await?;
        let rows: Vec<_> = sqlx::query("SELECT 1").fetch(&mut *tx).try_collect().await?;
        assert_eq!(rows.len(), 1);
        tx.commit().await
    })
    .await??;
    Ok(())
}

/// Scenario: shapes 13 and 14, code that takes sqlx's own types: migrations, helpers, generic over `Acquire`.
/// Guarantees: it compiles and works as it is, without spans.
#[tokio::test]
async fn raw_types_are_still_there() -> Result<(), Box<dyn std::error::Error>> {
    let Some(pool) = pool(1).await else { return Ok(()) };
    let spans = traced(async {
        let work = async {
            sqlx::query("SET search_path = pg_temp").execute(&*pool as &sqlx::PgPool).await?;
            sqlx::migrate!("it/sqlx_shapes/migrations").run(&pool).await?;
            assert_eq!(on_pool(&pool).await?, 0);
            assert_eq!(on_connection(&mut *pool.acquire().await?).await?, 0);
            let mut tx = pool.begin().await?;
            assert_eq!(on_connection(&mut tx).await?, 0);
            assert_eq!(on_acquire(&mut tx).await?, 0);
            tx.commit().await?;
            assert_eq!(on_acquire(&pool).await?, 0);
            assert_eq!(pool.size(), 1);
            Ok::<(), Box<dyn std::error::Error>>(())
        };
        work.await.expect("code for sqlx's types works");
    })
    .await;
    assert_eq!(spans.names(), ["BEGIN", "COMMIT", "transaction"]);
    pool.close().await;
    Ok(())
}

async fn on_pool(pool: &sqlx::PgPool) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar("SELECT count(*) FROM migrated_orders").fetch_one(pool).await
}

async fn on_connection(connection: &mut sqlx::PgConnection) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar("SELECT count(*) FROM migrated_orders").fetch_one(connection).await
}

async fn on_acquire<'a>(from: impl Acquire<'a, Database = sqlx::Postgres>) -> Result<i64, sqlx::Error> {
    on_connection(&mut *from.acquire().await?).await
}

/// Scenario: a bound over all lifetimes of a connection, as libraries over sqlx have.
/// Guarantees: this crate in the build does not make the compiler overflow on it.
#[tokio::test]
async fn higher_ranked_bounds_compile() -> Result<(), Box<dyn std::error::Error>> {
    async fn one<C>(connection: &mut C) -> Result<i32, sqlx::Error>
    where
        for<'a> &'a mut C: Executor<'a, Database = sqlx::Postgres>,
    {
        sqlx::query_scalar("SELECT 1").fetch_one(&mut *connection).await
    }
    let Some(pool) = pool(1).await else { return Ok(()) };
    let mut connection = pool.acquire().await?.detach();
    assert_eq!(one::<sqlx::PgConnection>(&mut connection).await?, 1);
    assert_eq!(one::<journey::sqlx::PgConnection>(&mut connection).await?, 1);
    connection.close().await?;
    Ok(())
}
