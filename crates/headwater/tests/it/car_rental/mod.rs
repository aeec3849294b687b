//! `examples/car-rental` from end to end, with the built binary.
//!
//! | file | shows |
//! |---|---|
//! | `gold` | the seven gold tables are those that PySpark computes from the CSV files by itself |
//! | `readers` | the tables open in other readers with the same rows |
//! | `kill` | a run that is killed and run again makes the tables of a clean run |
//! | `project` | a copy of the example in a folder of its own |
//! | `python` | the Python of the test set-up |

mod gold;
mod kill;
mod project;
pub(crate) mod python;
mod readers;
