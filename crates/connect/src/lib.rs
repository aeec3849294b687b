//! Connectors: other systems' data, as Arrow record batches and back. One folder for each kind of system.
//!
//! | module | owns |
//! |---|---|
//! | [`files`] | local CSV files: listing by pattern, splitting into blocks of whole records, decoding against a contract |
//!
//! Does not belong here: what was loaded when (the ledger, in `lake`), Delta tables (`lake`), when a load runs (`run`).
//! Files on disk: none of its own; it reads the files that a project's patterns name, with blocking `std::fs` calls,
//! and changes none of them.

pub mod files;
