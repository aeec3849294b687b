//! The functions of Spark SQL that this engine does, by family: an explicit list, a line per name.
//!
//! A name that is not here is refused, also when DataFusion has a function of that name, because it would mean
//! something else. An entry turns a call, whose argument types are known, into DataFusion expressions that give Spark's
//! answer: DataFusion's own function where the two agree, one of [`crate::kernels`] where they do not.
//!
//! | module | owns |
//! |---|---|
//! | `operator` | arithmetic, comparison and logic |
//! | `form` | literals and the forms with their own syntax: CASE, CAST, IN, BETWEEN |
//! | `conditional` | coalesce, if, nullif, greatest |
//! | `math` | numbers |
//! | `string` | texts and regular expressions |
//! | `datetime` | days and instants |
//! | `conversion` | casts by name |
//! | `encoding` | texts and bytes in other forms, hashes |
//! | `json` | JSON texts |
//! | `instant` | instants as numbers and in other time zones |
//! | `ordered` | aggregate functions that look at an order: `max_by`, `percentile`, `listagg` |
//! | `try_` | what gives null where it would fail; what fails on purpose |
//! | `nested` | arrays, structs and maps: made, and their parts taken out |
//! | `list` | functions of arrays |
//! | `lambda` | functions that take a function |
//! | `generator` | functions that make rows: `explode` |
//! | `aggregate` | aggregate functions |
//! | `window` | functions of a window alone |

mod aggregate;
mod conditional;
mod conversion;
mod datetime;
mod encoding;
mod form;
pub(crate) mod generator;
mod instant;
mod interval;
mod json;
pub(crate) mod lambda;
mod list;
mod math;
mod nested;
mod operator;
pub(crate) mod ordered;
mod regex;
mod string;
mod try_;
mod window;

use std::collections::HashMap;
use std::ops::RangeInclusive;
use std::sync::LazyLock;

use datafusion::logical_expr::Expr;
use headwater_plan::Code;

use crate::error::{Position, SqlError};
use crate::typing::aggregation::Aggregation;
use crate::typing::call::Call;

pub(crate) use self::conversion::{cast, type_named};
pub(crate) use self::interval::typed;

/// What a call becomes.
pub(crate) type Answer = Result<Expr, SqlError>;

/// What kind of function it is, and what turns its call into an expression.
#[derive(Clone, Copy)]
pub(crate) enum Kind {
    Scalar(fn(&Call<'_>) -> Answer),
    /// A function that takes a function, which is typed with the elements that it is applied to.
    Lambda(lambda::Lambda),
    /// A function that makes rows out of one, each with these columns.
    Generator(generator::Generator),
    Aggregate(fn(&Aggregation<'_>) -> Answer),
    Window(fn(&Aggregation<'_>) -> Answer),
}

/// A function by its name.
pub(crate) struct Function {
    pub(crate) name: &'static str,
    pub(crate) arguments: RangeInclusive<usize>,
    pub(crate) kind: Kind,
    /// Whether it is an operator or a form with its own syntax, which nobody can call by name.
    form: bool,
}

impl Function {
    pub(crate) fn is_called_by_name(&self) -> bool {
        !self.form
    }
}

/// As many arguments as one likes.
const MANY: usize = usize::MAX;

const fn scalar(name: &'static str, arguments: RangeInclusive<usize>, plan: fn(&Call<'_>) -> Answer) -> Function {
    Function { name, arguments, kind: Kind::Scalar(plan), form: false }
}

const fn special(name: &'static str, arguments: RangeInclusive<usize>, plan: fn(&Call<'_>) -> Answer) -> Function {
    Function { name, arguments, kind: Kind::Scalar(plan), form: true }
}

const fn aggregate(
    name: &'static str,
    arguments: RangeInclusive<usize>,
    plan: fn(&Aggregation<'_>) -> Answer,
) -> Function {
    Function { name, arguments, kind: Kind::Aggregate(plan), form: false }
}

const fn window(
    name: &'static str,
    arguments: RangeInclusive<usize>,
    plan: fn(&Aggregation<'_>) -> Answer,
) -> Function {
    Function { name, arguments, kind: Kind::Window(plan), form: false }
}

const FAMILIES: &[&[Function]] = &[
    operator::FUNCTIONS,
    form::FUNCTIONS,
    conditional::FUNCTIONS,
    math::FUNCTIONS,
    string::FUNCTIONS,
    regex::FUNCTIONS,
    datetime::FUNCTIONS,
    conversion::FUNCTIONS,
    encoding::FUNCTIONS,
    instant::FUNCTIONS,
    ordered::FUNCTIONS,
    try_::FUNCTIONS,
    json::FUNCTIONS,
    nested::FUNCTIONS,
    list::FUNCTIONS,
    lambda::FUNCTIONS,
    generator::FUNCTIONS,
    aggregate::FUNCTIONS,
    window::FUNCTIONS,
];

static BY_NAME: LazyLock<HashMap<&'static str, &'static Function>> =
    LazyLock::new(|| FAMILIES.iter().copied().flatten().map(|function| (function.name, function)).collect());

/// The function of a name in lower case.
pub(crate) fn find(name: &str) -> Option<&'static Function> {
    BY_NAME.get(name).copied()
}

/// The names that can be called, in alphabetical order.
pub fn names() -> Vec<&'static str> {
    let mut names: Vec<&'static str> =
        BY_NAME.values().filter(|function| function.is_called_by_name()).map(|function| function.name).collect();
    names.sort_unstable();
    names
}

/// Every function that Spark 4.2 has (`SHOW FUNCTIONS`): one that is not done here is refused as what it is.
const SPARK_NAMES: &str = include_str!("spark_names.txt");

/// Names that mean something in other systems, and what says it in Spark.
const ELSEWHERE: &[(&str, &str)] = &[
    ("arrow_cast", "cast"),
    ("date_bin", "date_trunc"),
    ("datetrunc", "date_trunc"),
    ("getdate", "current_timestamp"),
    ("iif", "if"),
    ("strftime", "date_format"),
    ("strptime", "to_timestamp"),
];

/// The error of a name that is no function here.
pub(crate) fn unknown(name: &str, at: Option<Position>) -> SqlError {
    if SPARK_NAMES.lines().any(|known| known == name) {
        return SqlError::unsupported(format!("the function `{name}`")).at(at);
    }
    let same = ELSEWHERE.iter().find(|(other, _)| *other == name).map(|(_, ours)| *ours);
    let near = same.or_else(|| headwater_plan::diagnostic::did_you_mean(name, names()));
    SqlError::new(Code::UnknownFunction, format!("there is no function `{name}`"))
        .at(at)
        .help_if(near.map(|near| format!("did you mean `{near}`?")))
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_name_is_one_of_sparks() {
        // These two are part of Spark's grammar, and not in its list.
        let ours: Vec<&str> =
            super::names().into_iter().filter(|name| !matches!(*name, "timestampadd" | "timestampdiff")).collect();
        let strange: Vec<&&str> =
            ours.iter().filter(|name| !super::SPARK_NAMES.lines().any(|known| known == **name)).collect();
        assert!(strange.is_empty(), "{strange:?}");
    }

    #[test]
    fn every_name_is_listed_once() {
        let mut names: Vec<&str> = super::FAMILIES.iter().copied().flatten().map(|function| function.name).collect();
        let all = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), all);
    }
}
