//! What a user sees: the binary is started on small projects, and its words are kept as snapshots.
#![cfg(test)]

mod car_rental;
mod commands;
mod crash;
mod dbt;
mod demo;
mod help;
mod ingest;
mod interrupt;
mod kills;
mod moments;
mod olist;
mod project;
mod query;
mod s3;
mod spark;
mod upkeep;
mod wrong_input;
