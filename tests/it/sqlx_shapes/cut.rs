//! Connections that are cut at the worst moment.

use std::net::SocketAddr;
use std::time::Duration;

use journey::sqlx::PgPool;
use journey_testkit::env_url;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::OwnedReadHalf;
use tokio::net::{TcpListener, TcpStream};

use super::bench::{assert_error, outcome, text, traced};

/// Passes bytes on between clients and the server, until a client says the word: then the connection is cut, before or
/// after the server got it.
async fn proxy(server: String, word: &'static [u8], reaches_server: bool) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has a free port");
    let address = listener.local_addr().expect("it is bound");
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let server = TcpStream::connect(&server).await.expect("the server is there");
            tokio::spawn(pass_on(client, server, word, reaches_server));
        }
    });
    address
}

async fn pass_on(client: TcpStream, server: TcpStream, word: &'static [u8], reaches_server: bool) {
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let answers = tokio::spawn(async move { tokio::io::copy(&mut from_server, &mut to_client).await });
    while let Some(bytes) = some(&mut from_client).await {
        if bytes.windows(word.len()).any(|window| window == word) {
            answers.abort();
            if reaches_server {
                let _ = to_server.write_all(&bytes).await;
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            return;
        }
        if to_server.write_all(&bytes).await.is_err() {
            return;
        }
    }
}

async fn some(from: &mut OwnedReadHalf) -> Option<Vec<u8>> {
    let mut bytes = vec![0; 4096];
    let count = from.read(&mut bytes).await.ok().filter(|count| *count > 0)?;
    bytes.truncate(count);
    Some(bytes)
}

/// Scenario: the connection is cut at the `COMMIT`, once before the server got it and once before it could answer.
/// Guarantees: the caller has an error, the transaction says that nobody knows, whatever became of it; the pool goes on.
#[tokio::test]
async fn nobody_knows_what_became_of_a_cut_commit() {
    let Some(url) = env_url("JOURNEY_PG_URL") else { return };
    let options: PgConnectOptions = url.parse().expect("it is a URL");
    let table = format!("journey_cut_{}", std::process::id());
    let direct = PgPoolOptions::new().max_connections(1).connect(&url).await.expect("the server is there");
    let run = async |sql: String| {
        sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).execute(&direct).await.expect("it is right")
    };
    run(format!("CREATE TABLE {table} (id int)")).await;
    for reaches_server in [false, true] {
        let server = format!("{}:{}", options.get_host(), options.get_port());
        let address = proxy(server, b"COMMIT", reaches_server).await;
        let through = options.clone().host("127.0.0.1").port(address.port());
        let pool: PgPool = PgPoolOptions::new().max_connections(1).connect_lazy_with(through).into();
        let spans = traced(async {
            let mut tx = pool.begin().await.expect("the server is there");
            let insert = sqlx::query(sqlx::AssertSqlSafe(format!("INSERT INTO {table} VALUES (1)")));
            insert.execute(&mut *tx).await.expect("it is right");
            assert!(tx.commit().await.is_err(), "nobody answers");
            sqlx::query("SHOW fsync").execute(&pool).await.expect("the pool connects anew");
        })
        .await;
        let transaction = spans.named("transaction");
        assert_eq!(outcome(transaction), "unknown", "reaches server: {reaches_server}");
        let error = text(transaction, "error.type");
        assert!(["UnexpectedEof", "ConnectionReset", "BrokenPipe"].contains(&&*error), "{error}");
        assert_error(spans.named("COMMIT"), &error);
        let kept: i64 = sqlx::query_scalar(sqlx::AssertSqlSafe(format!("SELECT count(*) FROM {table}")))
            .fetch_one(&direct)
            .await
            .expect("it is there");
        assert_eq!(kept == 1, reaches_server);
    }
    run(format!("DROP TABLE {table}")).await;
}

/// Scenario: the connection is cut at a statement within a transaction, and the caller commits all the same.
/// Guarantees: the statement and the commit have errors; the transaction was rolled back, which is certain.
#[tokio::test]
async fn a_cut_statement_rolls_back() {
    let Some(url) = env_url("JOURNEY_PG_URL") else { return };
    let options: PgConnectOptions = url.parse().expect("it is a URL");
    let address = proxy(format!("{}:{}", options.get_host(), options.get_port()), b"pg_sleep", true).await;
    let through = options.host("127.0.0.1").port(address.port());
    let pool: PgPool = PgPoolOptions::new().max_connections(1).connect_lazy_with(through).into();
    let spans = traced(async {
        let mut tx = pool.begin().await.expect("the server is there");
        assert!(sqlx::query("SELECT pg_sleep(0.01)").execute(&mut *tx).await.is_err());
        assert!(tx.commit().await.is_err());
        sqlx::query("SHOW fsync").execute(&pool).await.expect("the pool connects anew");
    })
    .await;
    assert_eq!(outcome(spans.named("transaction")), "rolled_back");
    assert_ne!(text(spans.named("SELECT"), "error.type"), "");
}
