//! What SQL means and what is said about SQL that means nothing.

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails loudly")]

mod errors;
mod gold;
mod lineage;
mod queries;
mod robust;
mod statements;
mod tables;
