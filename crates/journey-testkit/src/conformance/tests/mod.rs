//! The rules, one by one.

mod audit;
mod metrics;
mod row;
mod rules;
