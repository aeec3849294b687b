//! The texts of cells to values.
//!
//! | file | owns |
//! |---|---|
//! | `column` | the texts of a column to Arrow |
//! | `text` | what is done with a text before it is parsed: blanks, null, default, a number's signs |
//! | `number`, `datetime`, `pattern` | text to values |

pub(crate) mod column;
pub(crate) mod datetime;
pub(crate) mod number;
pub(crate) mod pattern;
pub(crate) mod text;
