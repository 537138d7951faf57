//! `db.query.summary`: the operations and tables of a statement, in the order of the text.
//!
//! Rules and cases: `docs/database/database-spans.md#generating-a-summary-of-the-query` of OpenTelemetry
//! semantic conventions 1.44.0. Case and quotes are kept. Names of common table expressions are no tables. A
//! text that begins with no known operation has an empty summary, so free text never becomes the name of a
//! span.

use super::lexer::Token;
use super::words::{ENDS_TABLES, KINDS, NO_NAMES, Operation, Word};
use crate::limits::SUMMARY_BYTES_MAX;

/// Reads tokens, remembers where it is, one [`Frame`] for each open parenthesis.
pub(super) struct Summariser<'a> {
    summary: String,
    is_full: bool,
    outer: Vec<Frame>,
    frame: Frame,
    common_tables: Vec<&'a str>,
    previous: Word<'a>,
}

/// One level of parentheses.
#[derive(Clone, Copy)]
struct Frame {
    place: Place,
    /// What is being done at this level; `None` inside a plain expression.
    operation: Option<Operation>,
    expects: Expects,
    /// Whether a comma is followed by a further table.
    in_tables: bool,
    /// Whether the level began with `WITH`.
    has_common_tables: bool,
    /// Whether it is between the `BEGIN` and the `END` of a function that is being created.
    in_body: bool,
}

/// Where a level is, which decides what may begin there.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// `WITH x AS (here)`: everything on rows.
    CommonTable,
    /// `(here)`: queries only; the first column of `INSERT INTO t (comment)` begins no statement.
    Parentheses,
    /// Outside of parentheses: any statement.
    Top,
}

/// What the next name is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Expects {
    /// A keyword of a clause, or nothing of interest.
    Clause,
    /// Name of a common table expression.
    CommonTable,
    /// Kind of an object, or a word in front of it.
    Kind,
    /// The first word of a statement.
    Statement,
    /// A table, or whatever the operation works on.
    Table,
    /// Behind `FROM (`: the table of a join, or the first word of a query.
    TableOrStatement,
}

impl<'a> Summariser<'a> {
    pub(super) fn new() -> Self {
        Self {
            summary: String::new(),
            is_full: false,
            outer: Vec::new(),
            frame: Frame::new(Place::Top),
            common_tables: Vec::new(),
            previous: Word(""),
        }
    }

    pub(super) fn take(&mut self, token: Token, piece: &'a str) {
        match token {
            Token::Comment | Token::Space => return,
            Token::Literal => self.frame.expects = Expects::Clause,
            Token::Name => self.name(Word(piece)),
            Token::Other => self.other(piece),
        }
        self.previous = Word(piece);
    }

    pub(super) fn finish(self) -> String {
        self.summary
    }

    fn other(&mut self, piece: &str) {
        match piece {
            "(" => {
                let inner = self.frame.inner();
                self.frame.expects = Expects::Clause;
                self.outer.push(self.frame);
                self.frame = inner;
            }
            ")" => {
                if let Some(frame) = self.outer.pop() {
                    self.frame = frame;
                }
                self.frame.expects = self.frame.expects_after_parentheses();
            }
            "," => self.frame.expects = self.frame.expects_after_comma(),
            ";" if self.frame.in_body => {}
            ";" => {
                self.outer.clear();
                self.common_tables.clear();
                self.frame = Frame::new(Place::Top);
            }
            _ => self.frame.expects = Expects::Clause,
        }
    }

    fn name(&mut self, word: Word<'a>) {
        match self.frame.expects {
            Expects::Clause => self.clause(word),
            Expects::CommonTable if word.is("RECURSIVE") => {}
            Expects::CommonTable => {
                self.common_tables.push(word.0);
                self.frame.expects = Expects::Clause;
            }
            Expects::Kind => self.kind(word),
            Expects::Statement => self.statement(word),
            Expects::Table if word.is_any(NO_NAMES) => {}
            Expects::Table => self.table(word),
            Expects::TableOrStatement if word.is("VALUES") => {
                self.frame = Frame::new(Place::Parentheses).inside()
            }
            Expects::TableOrStatement if self.starts(word).is_some() => self.statement(word),
            Expects::TableOrStatement => self.table(word),
        }
    }

    fn statement(&mut self, word: Word<'a>) {
        let is_option_of_explain =
            self.frame.operation == Some(Operation::Explain) && word.is_any(&["ANALYZE", "VERBOSE"]);
        if is_option_of_explain {
            return;
        }
        self.frame.expects = Expects::Clause;
        if let Some(operation) = self.starts(word) {
            self.start(operation, word);
        }
    }

    /// The operation that `word` starts here, if it may.
    fn starts(&self, word: Word<'a>) -> Option<Operation> {
        Operation::of(word).filter(|&operation| match self.frame.place {
            Place::CommonTable => operation.is_on_rows() || operation == Operation::With,
            Place::Parentheses => matches!(operation, Operation::Select | Operation::With),
            Place::Top => true,
        })
    }

    fn start(&mut self, operation: Operation, word: Word<'a>) {
        self.frame.in_tables = false;
        if operation == Operation::With {
            self.frame.operation = None;
            self.frame.has_common_tables = true;
            self.frame.expects = Expects::CommonTable;
            return;
        }
        self.frame.operation = Some(operation);
        self.frame.expects = match operation {
            Operation::Explain => Expects::Statement,
            Operation::Named | Operation::Update => Expects::Table,
            Operation::Drop | Operation::Object | Operation::Table => Expects::Kind,
            _ => Expects::Clause,
        };
        self.append(word.0);
    }

    fn kind(&mut self, word: Word<'a>) {
        if word.is_any(KINDS) {
            self.append(word.0);
            // ALTER TABLE t ADD a int, ADD b int: what follows the comma is no table.
            self.frame.in_tables = self.frame.operation != Some(Operation::Object);
            self.frame.expects = Expects::Table;
        } else if self.frame.operation == Some(Operation::Table) && !word.is_any(NO_NAMES) {
            self.expect_tables();
            self.table(word);
        }
    }

    fn clause(&mut self, word: Word<'a>) {
        let Some(operation) = self.frame.operation else {
            // Behind the SEARCH or CYCLE clause of a common table expression.
            if self.frame.has_common_tables && word.is("SELECT") {
                self.start(Operation::Select, word);
            }
            return;
        };
        if operation.is_on_rows() {
            self.clause_on_rows(operation, word);
        } else if operation == Operation::Object {
            // The body of a view or function is not what is done now.
            self.frame.in_body = word.is("BEGIN") || self.frame.in_body && !word.is("END");
        }
    }

    fn clause_on_rows(&mut self, operation: Operation, word: Word<'a>) {
        if self.previous.is("AS") {
            // Any keyword may be a label.
        } else if word.is("SELECT") && operation == Operation::Select {
            // Behind UNION: the same operation, on further tables.
            self.frame.in_tables = false;
        } else if word.is("SELECT") {
            self.start(Operation::Select, word);
        } else if word.is("FROM") && !self.previous.is("DISTINCT") || word.is("JOIN") {
            self.expect_tables();
        } else if word.is("INTO") || word.is("USING") && operation.has_using() {
            self.frame.expects = Expects::Table;
        } else if word.is("WITH") && operation == Operation::Insert {
            self.start(Operation::With, word);
        } else if word.is_any(ENDS_TABLES) {
            self.frame.in_tables = false;
        }
    }

    fn expect_tables(&mut self) {
        self.frame.expects = Expects::Table;
        self.frame.in_tables = true;
    }

    fn table(&mut self, word: Word<'a>) {
        self.frame.expects = Expects::Clause;
        if !word.is_any(&self.common_tables) {
            self.append(word.0);
        }
    }

    fn append(&mut self, word: &str) {
        let space = usize::from(!self.summary.is_empty());
        self.is_full |= self.summary.len() + space + word.len() > SUMMARY_BYTES_MAX;
        if self.is_full {
            return;
        }
        if space == 1 {
            self.summary.push(' ');
        }
        self.summary.push_str(word);
    }
}

// === impl Frame ===

impl Frame {
    fn new(place: Place) -> Self {
        Self {
            place,
            operation: None,
            expects: Expects::Statement,
            in_tables: false,
            has_common_tables: false,
            in_body: false,
        }
    }

    /// The same level once its beginning is behind us.
    fn inside(self) -> Self {
        Self { expects: Expects::Clause, ..self }
    }

    fn is_before_main_statement(&self) -> bool {
        self.has_common_tables && self.operation.is_none()
    }

    /// The level that a parenthesis opens here.
    fn inner(&self) -> Self {
        if self.expects == Expects::Table && self.in_tables {
            return Self {
                operation: self.operation,
                expects: Expects::TableOrStatement,
                in_tables: true,
                ..Self::new(Place::Parentheses)
            };
        }
        let is_common_table = self.is_before_main_statement();
        Self::new(if is_common_table { Place::CommonTable } else { Place::Parentheses })
    }

    fn expects_after_parentheses(&self) -> Expects {
        if self.is_before_main_statement() || self.operation == Some(Operation::Explain) {
            Expects::Statement
        } else {
            Expects::Clause
        }
    }

    fn expects_after_comma(&self) -> Expects {
        if self.is_before_main_statement() {
            Expects::CommonTable
        } else if self.in_tables {
            Expects::Table
        } else {
            Expects::Clause
        }
    }
}
