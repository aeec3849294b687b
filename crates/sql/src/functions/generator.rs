//! Functions that make rows out of one, and how a call travels: as calls of `generate`, one for each column that it makes,
//! with the function's name, the column's number, how many there are, and the arguments.

use super::{Answer, Function, Kind, MANY, special};
use crate::error::SqlError;
use crate::typing::call::Call;

/// The name under which a column that is generated travels.
pub(crate) const GENERATE: &str = "generate";

/// What makes the rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Generator {
    /// The elements of an array, or the entries of a map.
    Explode,
    /// The same, with their places.
    PosExplode,
    /// The structs of an array.
    Inline,
    /// Values in so many rows.
    Stack,
    /// Whole numbers.
    Range,
}

impl Generator {
    /// The names of the columns when the query gives none, where the number of arguments tells them.
    pub(crate) fn columns(self) -> &'static [&'static str] {
        match self {
            Self::Explode => &["col"],
            Self::PosExplode => &["pos", "col"],
            Self::Range => &["id"],
            Self::Inline | Self::Stack => &[],
        }
    }
}

pub(super) const FUNCTIONS: &[Function] = &[
    of("explode", 1, 1, Generator::Explode),
    of("explode_outer", 1, 1, Generator::Explode),
    of("posexplode", 1, 1, Generator::PosExplode),
    of("posexplode_outer", 1, 1, Generator::PosExplode),
    of("inline", 1, 1, Generator::Inline),
    of("inline_outer", 1, 1, Generator::Inline),
    of("stack", 2, MANY, Generator::Stack),
    Function { name: "range", arguments: 1..=3, kind: Kind::Generator(Generator::Range), form: true },
    special(GENERATE, 4..=MANY, misplaced),
];

const fn of(name: &'static str, least: usize, most: usize, generator: Generator) -> Function {
    Function { name, arguments: least..=most, kind: Kind::Generator(generator), form: false }
}

fn misplaced(_: &Call<'_>) -> Answer {
    Err(SqlError::unsupported("a function that makes rows inside another expression"))
}
