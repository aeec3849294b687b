//! Tests of the crate from outside: fixture projects, and snapshots of what the user sees.

mod compile;
mod config;
mod contract;
mod dbt;
mod packages;
