//! Advisory locks.

mod as_pg_connection;
mod guard;
mod request;

use sqlx_core::{Either, Error};
use sqlx_postgres::{PgAdvisoryLock as RawLock, PgAdvisoryLockKey};

pub use self::as_pg_connection::AsPgConnection;
pub use self::guard::PgAdvisoryLockGuard;

use self::guard::Holds;
use self::request::Request;

/// In place of `sqlx::postgres::PgAdvisoryLock`: its calls have spans, and so have those on the connection that holds the
/// lock. The length of the span of [`acquire`](Self::acquire) is the wait for the lock.
///
/// ```no_run
/// use journey_sqlx::{PgAdvisoryLock, PgPool};
///
/// # async fn clean_up(pool: &PgPool) -> Result<(), sqlx::Error> {
/// let lock = PgAdvisoryLock::new("clean up");
/// let mut alone = lock.acquire(pool.acquire().await?).await?;
/// sqlx::query("DELETE FROM carts WHERE seen < now() - interval '30 days'").execute(&mut *alone).await?;
/// alone.release_now().await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct PgAdvisoryLock {
    raw: RawLock,
}

impl PgAdvisoryLock {
    /// A lock named by a text, whose key is the same as that of sqlx's own type.
    pub fn new(key_string: impl AsRef<str>) -> Self {
        Self { raw: RawLock::new(key_string) }
    }

    /// A lock with this key.
    pub fn with_key(key: PgAdvisoryLockKey) -> Self {
        Self { raw: RawLock::with_key(key) }
    }

    /// The key.
    pub fn key(&self) -> &PgAdvisoryLockKey {
        self.raw.key()
    }

    /// Waits for the lock. Who stops waiting gives it back as if it had been got.
    ///
    /// # Errors
    /// sqlx's, unchanged; the lock is not held then, and the connection is dropped.
    pub async fn acquire<C: AsPgConnection>(&self, connection: C) -> Result<PgAdvisoryLockGuard<C>, Error> {
        let mut guard = PgAdvisoryLockGuard::new(self.clone(), connection);
        // From the request on: the server may grant the lock to somebody who has left.
        guard.asks(Request::Acquire, Holds::Lock).await?;
        Ok(guard)
    }

    /// Takes the lock if nobody holds it; else gives the connection back.
    ///
    /// Who stops waiting for the answer cannot know whether the lock is held: a connection of a pool is then closed when it
    /// comes back, and any other holds it until it is closed.
    ///
    /// # Errors
    /// sqlx's, unchanged.
    pub async fn try_acquire<C: AsPgConnection>(
        &self,
        connection: C,
    ) -> Result<Either<PgAdvisoryLockGuard<C>, C>, Error> {
        let mut guard = PgAdvisoryLockGuard::new(self.clone(), connection);
        Ok(if guard.asks(Request::TryAcquire, Holds::Perhaps).await? {
            Either::Left(guard.holding())
        } else {
            Either::Right(guard.leak())
        })
    }

    /// Releases the lock; says whether the connection held it.
    ///
    /// # Errors
    /// sqlx's, unchanged.
    pub async fn force_release<C: AsPgConnection>(&self, connection: C) -> Result<(C, bool), Error> {
        PgAdvisoryLockGuard::new(self.clone(), connection).holding().release().await
    }
}
