//! Steps against a real lake in a temporary folder.
#![cfg(test)]

mod ingest;
mod models;
mod world;
