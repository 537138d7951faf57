//! Advisory locks whose guards are gone, and which the connection still holds.

use sqlx_core::raw_sql::{RawSql, raw_sql};
use sqlx_core::sql_str::AssertSqlSafe;

/// Statements that release them, to be run when the connection is free: one for each guard that was dropped since.
pub(crate) struct Owed {
    releases: String,
}

impl Owed {
    /// One statement, which ends in a semicolon.
    pub(crate) fn one(release: &str) -> Self {
        Self { releases: release.to_owned() }
    }

    /// One more.
    pub(crate) fn and(&mut self, release: &str) {
        self.releases.push_str(release);
    }

    /// All of them, in one message.
    pub(crate) fn releases(&self) -> RawSql {
        raw_sql(AssertSqlSafe(self.releases.clone()))
    }
}
