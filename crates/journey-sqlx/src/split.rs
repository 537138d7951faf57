//! A query of any type, taken apart so that one code path serves them all.

use sqlx_core::arguments::Arguments;
use sqlx_core::error::BoxDynError;
use sqlx_core::executor::Execute;
use sqlx_core::sql_str::SqlStr;
use sqlx_postgres::{PgArguments, PgStatement, Postgres};

use crate::call::Text;

/// What the driver takes out of a query. `Execute::sql` consumes the query, so its text cannot be looked at
/// and then be passed on; this is passed on instead.
pub(crate) struct Split {
    sql: SqlStr,
    statement: Option<PgStatement>,
    arguments: Option<Result<Option<PgArguments>, BoxDynError>>,
    persistent: bool,
}

impl Split {
    pub(crate) fn of<'q>(mut query: impl Execute<'q, Postgres>) -> Self {
        let statement = query.statement().cloned();
        // In the driver's order: what a mapped query answers to `persistent` depends on its arguments.
        let arguments = Some(query.take_arguments());
        let persistent = query.persistent();
        Self { sql: query.sql(), statement, arguments, persistent }
    }

    /// As a call is told.
    pub(crate) fn as_text(&self) -> Text<'_> {
        Text::Run { sql: self.sql.as_str(), has_bound_values: self.has_bound_values() }
    }

    /// Whether values are bound.
    fn has_bound_values(&self) -> bool {
        matches!(&self.arguments, Some(Ok(Some(arguments))) if arguments.len() > 0)
    }

    /// All of it, once.
    pub(crate) fn take(&mut self) -> Self {
        let nothing =
            Self { sql: SqlStr::from_static(""), statement: None, arguments: None, persistent: false };
        std::mem::replace(self, nothing)
    }
}

impl Execute<'_, Postgres> for Split {
    fn sql(self) -> SqlStr {
        self.sql
    }

    fn statement(&self) -> Option<&PgStatement> {
        self.statement.as_ref()
    }

    fn take_arguments(&mut self) -> Result<Option<PgArguments>, BoxDynError> {
        self.arguments.take().unwrap_or(Ok(None))
    }

    fn persistent(&self) -> bool {
        self.persistent
    }
}
