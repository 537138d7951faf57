//! `journey-sqlx` against a real PostgreSQL (`JOURNEY_PG_URL`): every way to call sqlx, and the spans of each.

mod bench;
mod calls;
mod copies;
mod copies_left;
mod cut;
mod edges;
mod endings;
mod events;
mod faults;
mod hooks;
mod listening;
mod locks;
mod locks_left;
mod measured;
mod shapes;
mod storm;
mod streams;
mod transactions;
mod waits;
