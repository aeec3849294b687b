//! Runs against an engine whose steps do what a script says.
#![cfg(test)]

mod schedule;
mod script;
