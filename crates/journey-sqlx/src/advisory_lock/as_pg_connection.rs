//! What may hold an advisory lock.

use crate::{PgConnection, PoolConnection, Transaction};

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
