//! What a user sees: the binary is started on small projects, and its words are kept as snapshots.

mod car_rental;
mod commands;
mod help;
mod project;
mod wrong_input;
