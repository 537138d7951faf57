//! The official cases, PostgreSQL's own syntax, and what no literal may ever get past.

use rand::rngs::SmallRng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};

use super::Statement;
use crate::limits::{SUMMARY_BYTES_MAX, TEXT_BYTES_MAX};

/// `(statement, sanitised text, summary)`.
type Case = (&'static str, &'static str, &'static str);

fn check(cases: &[Case]) {
    for &(sql, sanitised, summary) in cases {
        let statement = Statement::read(sql);
        assert_eq!(&*statement.sanitised, sanitised, "text of {sql}");
        assert_eq!(&*statement.summary, summary, "summary of {sql}");
    }
}

/// Scenario: the 24 cases of `database-test-cases/db-sql-test-cases.json` in OpenTelemetry semantic
/// conventions.
/// Guarantees: text and summary are those of the file; where it allows two texts, ours collapses the list.
#[test]
fn official_cases() {
    check(&[
        ("SELECT 12, -12, +12", "SELECT ?, ?, ?", "SELECT"),
        ("SELECT 12.34, -12.34, +12.34, .01, -.01", "SELECT ?, ?, ?, ?, ?", "SELECT"),
        ("SELECT 12.34e56, -12.34e56, +12.34e56", "SELECT ?, ?, ?", "SELECT"),
        ("SELECT 12.34e-56, -12.34e-56, +12.34e-56", "SELECT ?, ?, ?", "SELECT"),
        ("SELECT 99+100", "SELECT ??", "SELECT"),
        ("SELECT 0xDEADBEEF, 0XdeadBEEF", "SELECT ?, ?", "SELECT"),
        ("SELECT 'hello'", "SELECT ?", "SELECT"),
        ("SELECT 'My name''s not important'", "SELECT ?", "SELECT"),
        ("SELECT 'My name is \n not important'", "SELECT ?", "SELECT"),
        (
            "SELECT c3po, r2d2 FROM covid19 WHERE n1h1=1234",
            "SELECT c3po, r2d2 FROM covid19 WHERE n1h1=?",
            "SELECT covid19",
        ),
        (
            "SELECT a FROM dbo.Table JOIN dbo.AnotherTable",
            "SELECT a FROM dbo.Table JOIN dbo.AnotherTable",
            "SELECT dbo.Table dbo.AnotherTable",
        ),
        ("INSERT INTO X VALUES(1, 23456, 123.456, 99+100)", "INSERT INTO X VALUES(?, ?, ?, ??)", "INSERT X"),
        ("SELECT { guid '01234567-89ab-cdef-0123-456789abcdef' }", "SELECT { guid ? }", "SELECT"),
        (
            "SELECT * FROM table WHERE value IN (123, 456, 'abc')",
            "SELECT * FROM table WHERE value IN (?)",
            "SELECT table",
        ),
        (
            "SELECT column -- end of line comment\nFROM /* block \n comment */ table",
            "SELECT column \nFROM  table",
            "SELECT table",
        ),
        (
            "INSERT INTO shipping_details\n(order_id,\naddress)\nSELECT order_id,\naddress\nFROM   orders\n\
             WHERE  order_id = 1",
            "INSERT INTO shipping_details\n(order_id,\naddress)\nSELECT order_id,\naddress\nFROM   orders\n\
             WHERE  order_id = ?",
            "INSERT shipping_details SELECT orders",
        ),
        (
            "SELECT order_date\nFROM   (SELECT *\nFROM   orders o\nJOIN customers c\nON o.customer_id = c.customer_id)",
            "SELECT order_date\nFROM   (SELECT *\nFROM   orders o\nJOIN customers c\nON o.customer_id = c.customer_id)",
            "SELECT SELECT orders customers",
        ),
        (
            "SELEcT order_date\nFROM   (sELECT *\nFROM   orders o\nJOIN customers c\nON o.customer_id = c.customer_id)",
            "SELEcT order_date\nFROM   (sELECT *\nFROM   orders o\nJOIN customers c\nON o.customer_id = c.customer_id)",
            "SELEcT sELECT orders customers",
        ),
        ("SELEcT order_date\nFROM ORders", "SELEcT order_date\nFROM ORders", "SELEcT ORders"),
        (
            "SELECT * FROM Orders o CROSS JOIN OrderDetails od",
            "SELECT * FROM Orders o CROSS JOIN OrderDetails od",
            "SELECT Orders OrderDetails",
        ),
        (
            "SELECT * FROM Orders o, OrderDetails od",
            "SELECT * FROM Orders o, OrderDetails od",
            "SELECT Orders OrderDetails",
        ),
        (
            "CREATE  TABLE MyTable (\n    ID NOT NULL IDENTITY(1,1) PRIMARY KEY\n)",
            "CREATE  TABLE MyTable (\n    ID NOT NULL IDENTITY(?,?) PRIMARY KEY\n)",
            "CREATE TABLE MyTable",
        ),
        (
            "ALTER  TABLE MyTable ADD Name varchar(255)",
            "ALTER  TABLE MyTable ADD Name varchar(?)",
            "ALTER TABLE MyTable",
        ),
        ("DROP  TABLE MyTable", "DROP  TABLE MyTable", "DROP TABLE MyTable"),
    ]);
}

/// Scenario: every notation of a literal that PostgreSQL knows, and what only looks like one.
/// Guarantees: each becomes one `?`; names, placeholders and operators stay.
#[test]
fn literals_of_postgres() {
    check(&[
        (r"SELECT E'it\'s', e'a\\', 'b'", "SELECT ?, ?, ?", "SELECT"),
        ("SELECT X'1F', b'01', N'x', U&'d\\0061t', u&\"d\"", "SELECT ?, ?, ?, ?, u&\"d\"", "SELECT"),
        ("SELECT $$it's$$, $tag$a $$ b$tag$, $1, $23", "SELECT ?, ?, $1, $23", "SELECT"),
        ("SELECT true, FALSE, NULL, is_true", "SELECT ?, ?, NULL, is_true", "SELECT"),
        ("SELECT 1_000, 0o17, 0b11, 1., 0xE+1", "SELECT ?, ?, ?, ?, ??", "SELECT"),
        ("SELECT date'2026-01-01', interval '1 day'", "SELECT date?, interval ?", "SELECT"),
        ("SELECT a->>'b', a->1, a - 1, b::int4", "SELECT a->>?, a->?, a - ?, b::int4", "SELECT"),
        ("SELECT 1 /* a /* nested */ 'b' */ + x", "SELECT ?  + x", "SELECT"),
        ("SELECT 'open", "SELECT ?", "SELECT"),
        ("SELECT $a$open", "SELECT ?", "SELECT"),
        ("SELECT 1 /* open 'x'", "SELECT ? ", "SELECT"),
        ("SELECT \"it's 1\", größe, t.\"x y\".z", "SELECT \"it's 1\", größe, t.\"x y\".z", "SELECT"),
        ("SELECT x IN ( 1 , 2,\n3 ), y IN (1, z)", "SELECT x IN ( ? ), y IN (?, z)", "SELECT"),
    ]);
}

/// Scenario: statements as services write them.
/// Guarantees: the summary has the tables and nothing that only stands where a table could.
#[test]
fn summaries_of_postgres() {
    let summary = |sql: &str| Statement::read(sql).summary.to_string();
    for (sql, expected) in [
        (r#"SELECT * FROM "song list" s"#, r#"SELECT "song list""#),
        (
            "WITH a AS (SELECT * FROM x), b (c, d) AS MATERIALIZED (DELETE FROM y RETURNING *) SELECT * FROM a, b, z",
            "SELECT x DELETE y SELECT z",
        ),
        (
            "WITH RECURSIVE t AS (SELECT 1 UNION ALL SELECT n FROM t) SEARCH DEPTH FIRST BY n SET o SELECT * FROM t",
            "SELECT SELECT",
        ),
        (
            "INSERT INTO t (comment, b) VALUES ($1, $2) ON CONFLICT (a) DO UPDATE SET b = excluded.b RETURNING a",
            "INSERT t",
        ),
        ("INSERT INTO t WITH c AS (SELECT * FROM s) SELECT * FROM c", "INSERT t SELECT s SELECT"),
        (
            "UPDATE ONLY jobs SET state = 'x' FROM workers w WHERE id = (SELECT id FROM jobs FOR UPDATE SKIP LOCKED)",
            "UPDATE jobs workers SELECT jobs",
        ),
        ("DELETE FROM a USING b WHERE a.id = b.id", "DELETE a b"),
        ("SELECT extract(year FROM at), a IS DISTINCT FROM b FROM t ORDER BY a, b", "SELECT t"),
        (
            "SELECT * FROM (a JOIN b USING (id)), LATERAL (SELECT 1 FROM c) x, claim_jobs(1, 2) y",
            "SELECT a b SELECT c claim_jobs",
        ),
        ("SELECT * FROM (VALUES (1), (2)) v (x), w", "SELECT w"),
        ("SELECT a FROM t GROUP BY a, b UNION SELECT c, d FROM u", "SELECT t u"),
        ("SELECT a INTO copy FROM t", "SELECT copy t"),
        ("SELECT a AS from, b AS select FROM t", "SELECT t"),
        ("MERGE INTO t USING s ON t.a = s.a WHEN MATCHED THEN UPDATE SET b = 1", "MERGE t s"),
        ("CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS i ON t (x)", "CREATE INDEX i"),
        ("CREATE TEMP TABLE c AS SELECT * FROM t", "CREATE TABLE c"),
        (
            "CREATE OR REPLACE FUNCTION f() RETURNS int AS $$ SELECT 1 FROM x $$ LANGUAGE sql",
            "CREATE FUNCTION f",
        ),
        ("CREATE TRIGGER r BEFORE UPDATE OR DELETE ON t EXECUTE FUNCTION f()", "CREATE TRIGGER r"),
        ("CREATE VIEW v AS SELECT a FROM t WHERE b = 1; SELECT a FROM v", "CREATE VIEW v SELECT v"),
        (
            "CREATE FUNCTION f() RETURNS void BEGIN ATOMIC UPDATE t SET a = 1; SELECT 1; END; SELECT f()",
            "CREATE FUNCTION f SELECT",
        ),
        ("ALTER TABLE t ADD a int, ADD b int, DROP c", "ALTER TABLE t"),
        ("CREATE USER u WITH PASSWORD 'secret'", "CREATE USER u"),
        ("SELECT DISTINCT a, count(*) OVER (PARTITION BY b, c) AS d FROM t", "SELECT t"),
        ("SELECT a FROM selected_data", "SELECT selected_data"),
        ("DROP TABLE IF EXISTS a, b CASCADE", "DROP TABLE a b"),
        ("TRUNCATE a, b", "TRUNCATE a b"),
        ("TRUNCATE TABLE ONLY a", "TRUNCATE TABLE a"),
        ("COPY t (a, b) FROM STDIN", "COPY t"),
        ("CALL ship($1)", "CALL ship"),
        ("EXPLAIN (ANALYZE, BUFFERS) SELECT * FROM t", "EXPLAIN SELECT t"),
        ("EXPLAIN ANALYZE UPDATE t SET a = 1", "EXPLAIN UPDATE t"),
        ("GRANT SELECT, INSERT ON t TO u", "GRANT"),
        ("BEGIN ISOLATION LEVEL SERIALIZABLE", "BEGIN"),
        ("SAVEPOINT _sqlx_savepoint_1", "SAVEPOINT"),
        ("SET search_path TO a", "SET"),
        (
            "CREATE TABLE a (b int); INSERT INTO a VALUES (1); SELECT * FROM a",
            "CREATE TABLE a INSERT a SELECT a",
        ),
        ("(SELECT 1 FROM a) UNION (SELECT 2 FROM b)", "SELECT a SELECT b"),
        ("  -- nothing\n", ""),
        ("hunter2 is no statement", ""),
    ] {
        assert_eq!(summary(sql), expected, "summary of {sql}");
    }
}

/// Scenario: texts and lists of tables longer than the limits.
/// Guarantees: both are cut, the summary between words, the text between characters, and nothing behind is
/// shown.
#[test]
fn limits_hold() {
    let tables: Vec<String> = (0..100).map(|number| format!("table_{number:03}")).collect();
    let summary = Statement::read(&format!("SELECT * FROM {}", tables.join(", "))).summary;
    assert!(summary.len() <= SUMMARY_BYTES_MAX && summary.len() > SUMMARY_BYTES_MAX - 10);
    assert!(summary.split(' ').skip(1).all(|word| tables.iter().any(|table| table == word)));

    let long = format!("SELECT '{}' FROM t", "ö".repeat(TEXT_BYTES_MAX));
    let statement = Statement::read(&long);
    assert_eq!(&*statement.sanitised, "SELECT ?");
}

/// Scenario: random mixtures of literals and comments that hold a secret, names, operators and broken quotes.
/// Guarantees: no mixture makes the reader fail, its tokens are the whole text, and the secret is never
/// shown, except inside double quotes, which make a name.
#[test]
fn secrets_stay_out() {
    const PIECES: &[&str] = &[
        " 'secret' ",
        " E'\\'secret' ",
        " $$secret$$ ",
        " $t$ secret $ $t$ ",
        " -- secret\n",
        " /* secret /* */ */ ",
        " 'it''s secret' ",
        " X'secret' ",
        " U&'secret' ",
        "\n",
        " IN (",
        ")",
        ",",
        ";",
        " SELECT ",
        " FROM ",
        " a.b ",
        " \"q''\" ",
        " $1 ",
        " ö ",
        " + ",
        " - ",
        " 12e-3 ",
        " .5 ",
        " WITH ",
        " AS (",
        " * ",
        " : ",
        " \\ ",
        " & ",
    ];
    for seed in 0..2_000 {
        let mut random = SmallRng::seed_from_u64(seed);
        let length = random.random_range(0..40);
        let text: String =
            (0..length).map(|_| *PIECES.choose(&mut random).expect("there are pieces")).collect();
        let pieces: String = super::lexer::Lexer::new(&text).map(|(_, piece)| piece).collect();
        let statement = Statement::read(&text);
        assert_eq!(pieces, text, "seed {seed}");
        assert!(!statement.sanitised.contains("secret"), "seed {seed}: {}", statement.sanitised);
        assert!(!statement.summary.contains("secret"), "seed {seed}: {}", &*statement.summary);
    }
}

/// Scenario: random bytes of a small alphabet of everything that opens or closes something.
/// Guarantees: nothing fails, tokens are the whole text, and reading the sanitised text again finds no
/// string.
#[test]
fn broken_texts_are_read() {
    for seed in 0..5_000 {
        let mut random = SmallRng::seed_from_u64(seed);
        let length = random.random_range(0..30);
        let alphabet: Vec<char> = "'\"$(),;-/*.eEuU&x1 \nö\\[{".chars().collect();
        let text: String =
            (0..length).map(|_| alphabet.choose(&mut random).expect("it has characters")).collect();
        let pieces: String = super::lexer::Lexer::new(&text).map(|(_, piece)| piece).collect();
        assert_eq!(pieces, text, "seed {seed}");
        assert!(Statement::read(&text).sanitised.len() <= text.len(), "seed {seed}");
    }
}
