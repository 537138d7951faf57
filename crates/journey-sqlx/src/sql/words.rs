//! The keywords that say what a statement does.

/// The word as written in a statement, compared without case.
#[derive(Clone, Copy)]
pub(super) struct Word<'a>(pub(super) &'a str);

impl Word<'_> {
    pub(super) fn is(self, keyword: &str) -> bool {
        self.0.eq_ignore_ascii_case(keyword)
    }

    pub(super) fn is_any(self, keywords: &[&str]) -> bool {
        keywords.iter().any(|keyword| self.is(keyword))
    }
}

/// What an operation does to the words behind it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operation {
    /// `DELETE`, whose tables follow `FROM` and `USING`.
    Delete,
    /// `DROP`: the kind of objects comes first, then their names.
    Drop,
    /// `EXPLAIN`, in front of a statement.
    Explain,
    /// `INSERT`, whose table follows `INTO`, then a query perhaps.
    Insert,
    /// `MERGE`, whose tables follow `INTO` and `USING`.
    Merge,
    /// `CALL x`, `COPY x`: the next name is what it works on.
    Named,
    /// `CREATE`, `ALTER`: the kind of object comes first, then its name.
    Object,
    /// `BEGIN`, `SET`: the word says all.
    Plain,
    /// `SELECT`, whose tables follow `FROM`, `JOIN` and `INTO`.
    Select,
    /// `TRUNCATE`, `LOCK`: perhaps the word `TABLE`, then a table.
    Table,
    /// `UPDATE x`, and further tables behind `FROM`.
    Update,
    /// `WITH`, in front of a statement; no operation by itself.
    With,
}

impl Operation {
    /// The operation that a word starts at the beginning of a statement.
    pub(super) fn of(word: Word<'_>) -> Option<Self> {
        OPERATIONS.iter().find(|(keyword, _)| word.is(keyword)).map(|&(_, operation)| operation)
    }

    /// Whether it reads or changes rows, so that `FROM` and `JOIN` name tables.
    pub(super) fn is_on_rows(self) -> bool {
        use Operation::{Delete, Insert, Merge, Select, Update};
        matches!(self, Delete | Insert | Merge | Select | Update)
    }

    /// Whether `USING` names a table, and not the columns of a join.
    pub(super) fn has_using(self) -> bool {
        matches!(self, Operation::Delete | Operation::Merge)
    }
}

/// Kinds of objects behind `CREATE`, `ALTER`, `DROP` and their like.
pub(super) const KINDS: &[&str] = &[
    "AGGREGATE",
    "CAST",
    "COLLATION",
    "CONVERSION",
    "DATABASE",
    "DOMAIN",
    "EXTENSION",
    "FUNCTION",
    "GROUP",
    "INDEX",
    "LANGUAGE",
    "OPERATOR",
    "POLICY",
    "PROCEDURE",
    "PUBLICATION",
    "ROLE",
    "ROUTINE",
    "RULE",
    "SCHEMA",
    "SEQUENCE",
    "SERVER",
    "STATISTICS",
    "SUBSCRIPTION",
    "SYSTEM",
    "TABLE",
    "TABLESPACE",
    "TRIGGER",
    "TYPE",
    "USER",
    "VIEW",
];

/// Words between the kind of an object, or `FROM`, and the name.
pub(super) const NO_NAMES: &[&str] =
    &["CONCURRENTLY", "EXISTS", "IF", "LATERAL", "NOT", "ON", "ONLY", "PROCEDURAL"];

/// Words that end a list of tables.
pub(super) const ENDS_TABLES: &[&str] = &[
    "EXCEPT",
    "FETCH",
    "FOR",
    "GROUP",
    "HAVING",
    "INTERSECT",
    "LIMIT",
    "OFFSET",
    "ORDER",
    "RETURNING",
    "SET",
    "UNION",
    "WHEN",
    "WHERE",
    "WINDOW",
];

/// Frequent ones first.
const OPERATIONS: &[(&str, Operation)] = &[
    ("SELECT", Operation::Select),
    ("INSERT", Operation::Insert),
    ("UPDATE", Operation::Update),
    ("DELETE", Operation::Delete),
    ("WITH", Operation::With),
    ("BEGIN", Operation::Plain),
    ("COMMIT", Operation::Plain),
    ("ROLLBACK", Operation::Plain),
    ("MERGE", Operation::Merge),
    ("CREATE", Operation::Object),
    ("ALTER", Operation::Object),
    ("DROP", Operation::Drop),
    ("TRUNCATE", Operation::Table),
    ("LOCK", Operation::Table),
    ("REFRESH", Operation::Object),
    ("REINDEX", Operation::Object),
    ("EXPLAIN", Operation::Explain),
    ("CALL", Operation::Named),
    ("COPY", Operation::Named),
    ("ABORT", Operation::Plain),
    ("ANALYZE", Operation::Plain),
    ("CHECKPOINT", Operation::Plain),
    ("CLOSE", Operation::Plain),
    ("CLUSTER", Operation::Plain),
    ("COMMENT", Operation::Plain),
    ("DEALLOCATE", Operation::Plain),
    ("DECLARE", Operation::Plain),
    ("DISCARD", Operation::Plain),
    ("DO", Operation::Plain),
    ("END", Operation::Plain),
    ("EXECUTE", Operation::Plain),
    ("FETCH", Operation::Plain),
    ("GRANT", Operation::Plain),
    ("IMPORT", Operation::Plain),
    ("LISTEN", Operation::Plain),
    ("LOAD", Operation::Plain),
    ("MOVE", Operation::Plain),
    ("NOTIFY", Operation::Plain),
    ("PREPARE", Operation::Plain),
    ("REASSIGN", Operation::Plain),
    ("RELEASE", Operation::Plain),
    ("RESET", Operation::Plain),
    ("REVOKE", Operation::Plain),
    ("SAVEPOINT", Operation::Plain),
    ("SECURITY", Operation::Plain),
    ("SET", Operation::Plain),
    ("SHOW", Operation::Plain),
    ("START", Operation::Plain),
    ("TABLE", Operation::Named),
    ("UNLISTEN", Operation::Plain),
    ("VACUUM", Operation::Plain),
    ("VALUES", Operation::Plain),
];
