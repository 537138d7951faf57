//! A connection that holds a lock.

use std::fmt;
use std::ops::{Deref, DerefMut};

use sqlx_core::Error;
use sqlx_postgres::PgConnection as RawConnection;

use super::{AsPgConnection, PgAdvisoryLock, Request};
use crate::PgConnection;

/// In place of `sqlx::postgres::PgAdvisoryLockGuard`: a connection that holds a lock. Derefs to our [`PgConnection`].
///
/// When dropped, the lock is released before the next call on the connection by our types, `COMMIT` among them, or when
/// the connection goes back to its pool; [`release_now`](Self::release_now) does it at once. In a transaction that is
/// void it is released when that has ended.
pub struct PgAdvisoryLockGuard<C: AsPgConnection> {
    lock: PgAdvisoryLock,
    /// `None` only while this is taken apart.
    connection: Option<C>,
    holds: Holds,
}

/// What the connection holds because of the guard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Holds {
    Lock,
    Nothing,
    /// Nobody has read the answer.
    Perhaps,
}

impl<C: AsPgConnection> PgAdvisoryLockGuard<C> {
    /// Releases the lock, and gives the connection back. If nobody waits for that, it is released all the same.
    ///
    /// # Errors
    /// sqlx's, unchanged; the connection is dropped then.
    pub async fn release_now(self) -> Result<C, Error> {
        Ok(self.release().await?.0)
    }

    /// The connection, which holds the lock until it is closed.
    pub fn leak(mut self) -> C {
        self.connection.take().expect(IS_WHOLE)
    }

    /// Holds nothing yet.
    pub(super) fn new(lock: PgAdvisoryLock, connection: C) -> Self {
        Self { lock, connection: Some(connection), holds: Holds::Nothing }
    }

    /// The same, and the lock is held.
    pub(super) fn holding(mut self) -> Self {
        self.holds = Holds::Lock;
        self
    }

    /// Asks for the lock. Until the answer is read, this is what is held.
    pub(super) async fn asks(&mut self, request: Request, meanwhile: Holds) -> Result<bool, Error> {
        let Self { lock, connection, holds } = self;
        let connection = connection.as_mut().expect(IS_WHOLE).as_pg_connection_mut();
        let answer = request.make(lock.key(), connection, |_| *holds = meanwhile).await;
        if answer.is_err() {
            *holds = Holds::Nothing;
        }
        answer
    }

    /// The connection, and whether it held the lock.
    pub(super) async fn release(mut self) -> Result<(C, bool), Error> {
        let Self { lock, connection, holds } = &mut self;
        let connection = connection.as_mut().expect(IS_WHOLE).as_pg_connection_mut();
        let release = Request::Release.text(lock.key());
        let sent = |connection: &mut PgConnection| {
            *holds = Holds::Nothing;
            connection.sends(&release);
        };
        let was_held = Request::Release.make(lock.key(), connection, sent).await?;
        Ok((self.leak(), was_held))
    }
}

impl<C: AsPgConnection> Drop for PgAdvisoryLockGuard<C> {
    fn drop(&mut self) {
        let Some(connection) = &mut self.connection else { return };
        let connection = connection.as_pg_connection_mut();
        match self.holds {
            Holds::Lock => connection.owes(&Request::Release.text(self.lock.key())),
            Holds::Nothing => {}
            Holds::Perhaps => connection.close_on_drop(),
        }
    }
}

impl<C: AsPgConnection> Deref for PgAdvisoryLockGuard<C> {
    type Target = PgConnection;

    fn deref(&self) -> &PgConnection {
        self.connection.as_ref().expect(IS_WHOLE).as_pg_connection()
    }
}

impl<C: AsPgConnection> DerefMut for PgAdvisoryLockGuard<C> {
    fn deref_mut(&mut self) -> &mut PgConnection {
        self.connection.as_mut().expect(IS_WHOLE).as_pg_connection_mut()
    }
}

impl<C: AsPgConnection> AsRef<RawConnection> for PgAdvisoryLockGuard<C> {
    fn as_ref(&self) -> &RawConnection {
        self
    }
}

impl<C: AsPgConnection> AsMut<RawConnection> for PgAdvisoryLockGuard<C> {
    fn as_mut(&mut self) -> &mut RawConnection {
        self
    }
}

impl<C: AsPgConnection> fmt::Debug for PgAdvisoryLockGuard<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PgAdvisoryLockGuard").field("lock", &self.lock).finish_non_exhaustive()
    }
}

const IS_WHOLE: &str = "the connection is only taken by what consumes the guard";
