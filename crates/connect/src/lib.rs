//! Connectors: other systems' data, as Arrow record batches and back. One folder for each kind of system.
//!
//! | module | owns |
//! |---|---|
//! | [`files`] | files on this machine and in buckets, of CSV, JSON, Parquet and Avro, packed or not: listing by pattern, decoding against a contract, replaying what was refused, moving or removing what was loaded |
//!
//! Does not belong here: what was loaded when (the ledger, in `lake`), Delta tables (`lake`), when a load runs (`run`).
//! How a bucket is reached is handed in ([`files::Buckets`]).
//! Files on disk: temporary ones without a name, for what must be sought and cannot be. It reads the files that a
//! project's patterns name, with blocking `std::fs` calls, and changes none of them; only [`files::archive`] and
//! [`files::delete`] move or remove one, when asked to.

pub mod files;
