//! Steps against a real lake in a temporary folder.
#![cfg(test)]

mod ingest;
mod models;
mod options;
mod processes;
mod quarantine;
mod sources;
mod world;
