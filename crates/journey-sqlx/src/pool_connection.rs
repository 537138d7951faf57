//! A connection on loan from a pool.

use std::fmt;
use std::ops::{Deref, DerefMut};

use sqlx_core::Error;
use sqlx_postgres::PgConnection as RawConnection;

use crate::PgConnection;

/// In place of `sqlx::pool::PoolConnection<Postgres>`: back to the pool when dropped.
///
/// Derefs to our [`PgConnection`], so `&mut *connection` is an executor whose calls have spans. The first of
/// them tells how long the pool was waited for.
pub struct PoolConnection {
    connection: PgConnection,
}

impl PoolConnection {
    pub(crate) fn new(connection: PgConnection) -> Self {
        Self { connection }
    }

    /// Closes the connection instead of giving it back.
    ///
    /// # Errors
    /// sqlx's, unchanged.
    pub async fn close(self) -> Result<(), Error> {
        self.connection.close().await
    }

    /// Closes the connection, when this is dropped, instead of giving it back.
    pub fn close_on_drop(&mut self) {
        self.connection.close_on_drop();
    }

    /// Takes the connection out of the pool, which may open another in its place.
    #[must_use = "the connection is closed when dropped"]
    pub fn detach(self) -> PgConnection {
        self.connection.detach()
    }

    /// Takes the connection out of the pool for ever: the pool is smaller by one from now on.
    #[must_use = "the connection is closed when dropped"]
    pub fn leak(self) -> PgConnection {
        self.connection.leak()
    }
}

impl Deref for PoolConnection {
    type Target = PgConnection;

    fn deref(&self) -> &PgConnection {
        &self.connection
    }
}

impl DerefMut for PoolConnection {
    fn deref_mut(&mut self) -> &mut PgConnection {
        &mut self.connection
    }
}

impl AsRef<RawConnection> for PoolConnection {
    fn as_ref(&self) -> &RawConnection {
        self
    }
}

impl AsMut<RawConnection> for PoolConnection {
    fn as_mut(&mut self) -> &mut RawConnection {
        self
    }
}

impl fmt::Debug for PoolConnection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PoolConnection").finish_non_exhaustive()
    }
}
