//! No code: the one set of third-party features that every crate is built with.
//!
//! Cargo unifies features over the packages of one command, so that `cargo test -p headwater-sql` and
//! `cargo build` would each compile DataFusion anew, for minutes, because one of the two turns on a feature of `serde`. The
//! crates that stand on DataFusion depend on this crate, which turns on the same features for all of them.
//!
//! Does not belong here: anything else. Files on disk: none.
