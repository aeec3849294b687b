//! Steps against a real lake in a temporary folder.
#![cfg(test)]

mod answers;
mod histories;
mod increments;
mod ingest;
mod keyed;
mod microbatch;
mod models;
mod options;
mod processes;
mod pruning;
mod quarantine;
mod snapshot_histories;
mod snapshots;
mod sources;
mod statements;
mod tests;
mod unkeyed;
mod world;
