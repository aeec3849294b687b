//! The text of `runner.py`, which executes a bundle inside Spark: one file, Python's standard library and PySpark only.
//!
//! ```text
//! runner.py --bundle URI --result URI [--progress URI]
//! ```
//! It always writes the result, whatever happens, and exits with 0 if every node ended well, 1 if not. As each node ends,
//! its line is appended to the progress (`<result>.progress`); on a file system that cannot append, each line is an object
//! of its own, `<progress>/00000001.json`. A `SIGTERM` cancels Spark's jobs and ends it with a result.

/// The text of the program.
pub const PROGRAM: &str = include_str!("runner.py");

/// The name under which it is best known.
pub const FILE_NAME: &str = "runner.py";
