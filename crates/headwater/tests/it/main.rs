//! What a user sees: the binary is started on small projects, and its words are kept as snapshots.
#![cfg(test)]

mod car_rental;
mod commands;
mod demo;
mod help;
mod interrupt;
mod project;
mod query;
mod wrong_input;
