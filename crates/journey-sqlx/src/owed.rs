//! Advisory locks whose guards are gone, and which the connection still holds.
//!
//! One connection may hold a lock several times, so each guard's release is to run exactly once, wherever the caller
//! stops waiting.

use sqlx_core::Error;
use sqlx_core::connection::Connection;
use sqlx_core::executor::Executor;
use sqlx_core::raw_sql::raw_sql;
use sqlx_core::sql_str::AssertSqlSafe;
use sqlx_postgres::PgConnection as RawConnection;

/// Statements that release them, one for each guard that was dropped since; each ends in a semicolon.
#[derive(Default)]
pub(crate) struct Owed {
    /// To be sent when the connection is free.
    unsent: String,
    /// Sent; nobody has read the answer yet.
    sent: String,
}

impl Owed {
    /// One more that is to be sent.
    pub(crate) fn owes(&mut self, release: &str) {
        self.unsent.push_str(release);
    }

    /// One more that is on its way to the server.
    pub(crate) fn sends(&mut self, release: &str) {
        self.sent.push_str(release);
    }

    /// The server has done what was sent, or refused it, as it does in a transaction that is void. Then it stays owed.
    pub(crate) fn is_answered<T>(&mut self, answer: &Result<T, Error>) {
        match answer {
            Ok(_) => self.sent.clear(),
            Err(Error::Database(_)) => self.unsent.insert_str(0, &std::mem::take(&mut self.sent)),
            // The connection is lost, and with it the locks.
            Err(_) => {}
        }
    }

    pub(crate) fn is_paid(&self) -> bool {
        self.unsent.is_empty() && self.sent.is_empty()
    }

    /// Releases all, in one message. May be dropped anywhere: what was sent is not sent again, and what was not sent
    /// stays owed.
    ///
    /// # Errors
    /// The server refused a statement that nobody waited for any more. The caller of the next one is told, as by sqlx.
    pub(crate) async fn pay(&mut self, raw: &mut RawConnection) -> Result<(), Error> {
        if !self.settle(raw).await? || self.unsent.is_empty() {
            return Ok(());
        }
        // Nothing waits to be sent or read, so the message goes out with the first poll of this.
        self.sent = std::mem::take(&mut self.unsent);
        let answer = raw.execute(raw_sql(AssertSqlSafe(self.sent.clone()))).await;
        self.is_answered(&answer);
        Ok(())
    }

    /// Reads what the server has yet to answer; says whether the connection is alive.
    async fn settle(&mut self, raw: &mut RawConnection) -> Result<bool, Error> {
        let mut refused = None;
        loop {
            let answer = raw.flush().await;
            // A release is sent when all before it was answered, so its own answer is the first.
            let is_of_release = !self.sent.is_empty();
            self.is_answered(&answer);
            match answer {
                Ok(()) => return refused.map_or(Ok(true), Err),
                // An error ends one answer, and others may come behind it.
                Err(error @ Error::Database(_)) if !is_of_release => drop(refused.get_or_insert(error)),
                Err(Error::Database(_)) => {}
                Err(_) => return Ok(false),
            }
        }
    }
}
