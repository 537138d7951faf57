//! Advisory locks.

use std::fmt;
use std::ops::{Deref, DerefMut};

use sqlx_core::query::{Query, query};
use sqlx_core::query_scalar::query_scalar;
use sqlx_core::{Either, Error};
use sqlx_postgres::{
    PgAdvisoryLock as RawLock, PgAdvisoryLockKey, PgArguments, PgConnection as RawConnection, Postgres,
};

use crate::{PgConnection, PoolConnection, Transaction};

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
        // Before the answer: the server may grant the lock to somebody who has left.
        let mut guard = PgAdvisoryLockGuard { lock: self.clone(), connection: Some(connection) };
        let lock = self.keyed(["SELECT pg_advisory_lock($1)", "SELECT pg_advisory_lock($1, $2)"]);
        match lock.execute(&mut *guard).await {
            Ok(_) => Ok(guard),
            Err(error) => {
                drop(guard.leak());
                Err(error)
            }
        }
    }

    /// Takes the lock if nobody holds it; else gives the connection back.
    ///
    /// As with sqlx's own, the lock may be held until the connection is closed if this is not awaited to its end.
    ///
    /// # Errors
    /// sqlx's, unchanged.
    pub async fn try_acquire<C: AsPgConnection>(
        &self,
        mut connection: C,
    ) -> Result<Either<PgAdvisoryLockGuard<C>, C>, Error> {
        let sql = ["SELECT pg_try_advisory_lock($1)", "SELECT pg_try_advisory_lock($1, $2)"];
        Ok(if self.ask(sql, connection.as_pg_connection_mut()).await? {
            Either::Left(PgAdvisoryLockGuard { lock: self.clone(), connection: Some(connection) })
        } else {
            Either::Right(connection)
        })
    }

    /// Releases the lock; says whether the connection held it.
    ///
    /// # Errors
    /// sqlx's, unchanged.
    pub async fn force_release<C: AsPgConnection>(&self, mut connection: C) -> Result<(C, bool), Error> {
        let sql = ["SELECT pg_advisory_unlock($1)", "SELECT pg_advisory_unlock($1, $2)"];
        let was_held = self.ask(sql, connection.as_pg_connection_mut()).await?;
        Ok((connection, was_held))
    }

    /// A statement that releases the lock and to which nothing need be bound.
    pub(crate) fn release(&self) -> String {
        match self.key() {
            PgAdvisoryLockKey::BigInt(key) => format!("SELECT pg_advisory_unlock({key});"),
            PgAdvisoryLockKey::IntPair(one, two) => format!("SELECT pg_advisory_unlock({one}, {two});"),
            // sqlx may add a kind of key in a minor version. The lock ends with the connection then.
            _ => String::new(),
        }
    }

    /// One of the statements, for a key of one number or of two.
    fn keyed(&self, [sql, sql_of_two]: [&'static str; 2]) -> Query<'static, Postgres, PgArguments> {
        match *self.key() {
            PgAdvisoryLockKey::IntPair(one, two) => query(sql_of_two).bind(one).bind(two),
            ref key => query(sql).bind(key.as_bigint()),
        }
    }

    async fn ask(&self, [sql, sql_of_two]: [&'static str; 2], on: &mut PgConnection) -> Result<bool, Error> {
        match *self.key() {
            PgAdvisoryLockKey::IntPair(one, two) => {
                query_scalar(sql_of_two).bind(one).bind(two).fetch_one(on).await
            }
            ref key => query_scalar(sql).bind(key.as_bigint()).fetch_one(on).await,
        }
    }
}

// === impl PgAdvisoryLockGuard ===

/// In place of `sqlx::postgres::PgAdvisoryLockGuard`: a connection that holds a lock. Derefs to our [`PgConnection`].
///
/// When dropped, the lock is released before the next statement of the connection, or when that goes back to its pool;
/// [`release_now`](Self::release_now) does it at once.
pub struct PgAdvisoryLockGuard<C: AsPgConnection> {
    lock: PgAdvisoryLock,
    /// `None` only while this is taken apart.
    connection: Option<C>,
}

impl<C: AsPgConnection> PgAdvisoryLockGuard<C> {
    /// Releases the lock, and gives the connection back.
    ///
    /// # Errors
    /// sqlx's, unchanged.
    pub async fn release_now(self) -> Result<C, Error> {
        let lock = self.lock.clone();
        Ok(lock.force_release(self.leak()).await?.0)
    }

    /// The connection, which holds the lock until it is closed.
    pub fn leak(mut self) -> C {
        self.connection.take().expect(IS_WHOLE)
    }
}

impl<C: AsPgConnection> Drop for PgAdvisoryLockGuard<C> {
    fn drop(&mut self) {
        if let Some(connection) = &mut self.connection {
            connection.as_pg_connection_mut().owes(&self.lock.release());
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

// === impl AsPgConnection ===

/// Our connections, transactions, and mutable references to them: what may hold a lock. Nobody else can implement it.
pub trait AsPgConnection: sealed::Sealed {
    /// The connection itself.
    fn as_pg_connection(&self) -> &PgConnection;

    /// The connection itself.
    fn as_pg_connection_mut(&mut self) -> &mut PgConnection;
}

mod sealed {
    pub trait Sealed {}
}

impl<C: AsPgConnection> sealed::Sealed for &mut C {}

impl<C: AsPgConnection> AsPgConnection for &mut C {
    fn as_pg_connection(&self) -> &PgConnection {
        (**self).as_pg_connection()
    }

    fn as_pg_connection_mut(&mut self) -> &mut PgConnection {
        (**self).as_pg_connection_mut()
    }
}

macro_rules! as_pg_connection {
    ($connection:ty) => {
        impl sealed::Sealed for $connection {}

        impl AsPgConnection for $connection {
            fn as_pg_connection(&self) -> &PgConnection {
                self
            }

            fn as_pg_connection_mut(&mut self) -> &mut PgConnection {
                self
            }
        }
    };
}

as_pg_connection!(PgConnection);
as_pg_connection!(PoolConnection);
as_pg_connection!(Transaction<'_>);
