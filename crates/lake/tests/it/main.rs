//! The lake as its callers see it, on real folders, read back through DataFusion.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails loudly; clippy sees that only inside `#[test]`")]

mod commits;
mod errors;
mod fixture;
mod lake;
mod types;
mod views;
