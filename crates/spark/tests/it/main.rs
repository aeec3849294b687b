//! The Spark engine from outside: what steps become, and what the runner does with it.
#![cfg(test)]

mod lowering;
mod project;
mod python;
mod spark;
mod told;
mod turns;
