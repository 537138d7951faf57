//! Statements already read, so that a text is read once and not at each of its calls.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};

use hashlink::LruCache;

use super::Statement;
use crate::limits::{REMEMBERED_STATEMENTS_MAX, REMEMBERED_TEXT_BYTES_MAX};

/// The statements a pool saw last, at most [`REMEMBERED_STATEMENTS_MAX`].
pub(crate) struct Remembered {
    // Held for one lookup or one insertion, never while a text is read or a database awaited.
    statements: Mutex<LruCache<Arc<str>, Arc<Statement>>>,
    forgotten: AtomicU64,
}

impl Remembered {
    pub(crate) fn new() -> Self {
        Self {
            statements: Mutex::new(LruCache::new(REMEMBERED_STATEMENTS_MAX)),
            forgotten: AtomicU64::new(0),
        }
    }

    /// The statement of a text, read now if it is not remembered.
    pub(crate) fn statement(&self, sql: &str) -> Arc<Statement> {
        if sql.len() > REMEMBERED_TEXT_BYTES_MAX {
            return Arc::new(Statement::read(sql));
        }
        if let Some(statement) = self.with(|statements| statements.get(sql).cloned()) {
            return statement;
        }
        let statement = Arc::new(Statement::read(sql));
        let is_full = self.with(|statements| {
            let is_full = statements.len() == statements.capacity();
            let known = statements.insert(Arc::clone(&statement.text), Arc::clone(&statement)).is_some();
            is_full && !known
        });
        self.forgotten.fetch_add(u64::from(is_full), Relaxed);
        statement
    }

    /// How many were forgotten because of the limit.
    pub(crate) fn forgotten(&self) -> u64 {
        self.forgotten.load(Relaxed)
    }

    fn with<T>(&self, work: impl FnOnce(&mut LruCache<Arc<str>, Arc<Statement>>) -> T) -> T {
        work(&mut self.statements.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: more different texts than are remembered, one of them again and again, and one that is too
    /// long.
    /// Guarantees: the number stays under its limit, what is in use stays known, and each loss is counted.
    #[test]
    fn the_least_used_are_forgotten() {
        let remembered = Remembered::new();
        let hot = remembered.statement("SELECT hot");
        for number in 0..REMEMBERED_STATEMENTS_MAX + 10 {
            remembered.statement(&format!("SELECT column_{number}"));
            assert!(Arc::ptr_eq(&hot, &remembered.statement("SELECT hot")));
        }
        assert_eq!(remembered.with(|statements| statements.len()), REMEMBERED_STATEMENTS_MAX);
        assert_eq!(remembered.forgotten(), 11);

        remembered.statement(&format!("SELECT {}", "x".repeat(REMEMBERED_TEXT_BYTES_MAX)));
        assert_eq!(remembered.forgotten(), 11);
    }
}
