//! What users of the crate see, by its public interface.
#![cfg(test)]

mod fixture;
mod malformed;
