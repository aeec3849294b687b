//! dbt's Jinja as text that minijinja reads with the same meaning.
//!
//! minijinja's lists and maps never change, its `%` knows numbers only, its macros give text and know no `varargs`. So
//! a template is rewritten before it is compiled, on the level of tokens:
//!
//! | written | read |
//! |---|---|
//! | `[a, b]`, `{a: b}` | `([a, b]\|hw_list)`, `({a: b}\|hw_dict)` |
//! | `a % b` | `((a)\|hw_rem(b))`; and so `+` and `-` where a text names `timedelta` |
//! | `set x = a + b` | `set x = (a + b)\|hw_own` |
//! | `macro m(a)` … `endmacro` | `macro m(a)` … `endmacro`, and `set m = m\|hw_macro('m')` |
//! | `test t(model)` … `endtest` | the macro `test_t` |
//! | `materialization`, `snapshot`, `docs` | nothing |
//!
//! The risk: an error must point at what the user wrote. Every inserted piece is remembered, and places in what
//! minijinja reads are led back through [`Offsets`]. No line is added or taken away.

use std::ops::Range;

mod edit;
mod expression;
mod statement;
mod token;

use edit::Edits;
pub(super) use edit::Offsets;
use statement::Statements;

use super::scan::{Kind, inside, pieces};

/// What a template is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Role {
    /// A text to render; its macros are its own.
    Text,
    /// A file of macros, which are called by their names from everywhere.
    Macros,
    /// Of a file of macros, only that whose name begins there: what brings it into a rendering costs its size.
    Macro(usize),
}

/// A template as minijinja reads it.
#[derive(Debug)]
pub(super) struct Dialect {
    pub(super) text: String,
    pub(super) offsets: Offsets,
}

/// What begins every text: a way to bring the macros of a file into the state of its rendering.
const PRELUDE: &str =
    "{% macro hw_import(hw_file) %}{% include hw_file %}{% endmacro %}{% set hw_ = hw_import|hw_importer %}";

/// Rewrites a template.
pub(super) fn rewrite(text: &str, role: Role) -> Dialect {
    let mut edits = Edits::new(text);
    if role == Role::Text {
        edits.insert(0, PRELUDE);
    }
    let mut statements = Statements::new(text, role);
    for piece in pieces(text) {
        match piece.kind {
            Kind::Literal | Kind::Comment => {}
            Kind::Expression => {
                if !statements.is_cut() {
                    let part = inside(text, &piece);
                    statements.see(&text[part.clone()]);
                    expression::rewrite(text, part, &mut edits);
                }
            }
            Kind::Statement => statements.read(&piece, &mut edits),
        }
    }
    edits.apply()
}

/// The macros that a text defines on its top level: their names as they are called, and the bytes of those names.
pub(super) fn macros(text: &str) -> Vec<Defined> {
    let mut statements = Statements::new(text, Role::Macros);
    let mut edits = Edits::new(text);
    for piece in pieces(text).into_iter().filter(|piece| piece.kind == Kind::Statement) {
        statements.read(&piece, &mut edits);
    }
    statements.defined()
}

/// A macro that a text defines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Defined {
    pub(super) kind: DefinedKind,
    /// `test_positive` for `{% test positive(…) %}`
    pub(super) name: String,
    pub(super) at: Range<usize>,
}

/// With which statement a macro is defined.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum DefinedKind {
    Macro,
    Test,
    Materialization,
}
