//! What a connection of ours is to sqlx.

use std::ops::{Deref, DerefMut};

use futures_core::future::BoxFuture;
use sqlx_core::Error;
use sqlx_core::acquire::Acquire;
use sqlx_core::pool::PoolConnection as RawPoolConnection;
use sqlx_core::transaction::Transaction as RawTransaction;
use sqlx_postgres::{PgConnection as RawConnection, Postgres};

use super::{IS_WHOLE, PgConnection};

/// The connection itself.
pub(super) enum Raw {
    Pooled(RawPoolConnection<Postgres>),
    Single(RawConnection),
}

impl Deref for Raw {
    type Target = RawConnection;

    fn deref(&self) -> &RawConnection {
        match self {
            Raw::Pooled(raw) => raw,
            Raw::Single(raw) => raw,
        }
    }
}

impl DerefMut for Raw {
    fn deref_mut(&mut self) -> &mut RawConnection {
        match self {
            Raw::Pooled(raw) => raw,
            Raw::Single(raw) => raw,
        }
    }
}

impl Deref for PgConnection {
    type Target = RawConnection;

    fn deref(&self) -> &RawConnection {
        self.raw.as_ref().expect(IS_WHOLE)
    }
}

impl DerefMut for PgConnection {
    fn deref_mut(&mut self) -> &mut RawConnection {
        self.raw.as_mut().expect(IS_WHOLE)
    }
}

impl AsRef<RawConnection> for PgConnection {
    fn as_ref(&self) -> &RawConnection {
        self
    }
}

impl AsMut<RawConnection> for PgConnection {
    fn as_mut(&mut self) -> &mut RawConnection {
        self
    }
}

/// Hands out sqlx's own types, as the trait demands: no spans beyond it. It is there for migrations.
impl<'c> Acquire<'c> for &'c mut PgConnection {
    type Database = Postgres;
    type Connection = &'c mut RawConnection;

    fn acquire(self) -> BoxFuture<'c, Result<Self::Connection, Error>> {
        Acquire::acquire(&mut **self)
    }

    fn begin(self) -> BoxFuture<'c, Result<RawTransaction<'c, Postgres>, Error>> {
        Acquire::begin(&mut **self)
    }
}
