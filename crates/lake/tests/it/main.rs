//! The lake as its callers see it, on real folders, read back through DataFusion.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails loudly; clippy sees that only inside `#[test]`")]

mod bucket;
mod changes;
mod commits;
mod errors;
mod fault;
mod fixture;
mod flaky;
mod lake;
mod layout;
mod maintain;
mod types;
mod views;
