//! What a name can mean at a place in a query.
//!
//! A column has two names: the one to show, in the user's case, and an internal one, in lower case and unique in its
//! relation, by which the planner finds it. So two columns of one name can pass through a subquery, as in Spark, and
//! only a reference to either is ambiguous.

use datafusion::sql::sqlparser::ast::{Expr, Ident};
use headwater_plan::Code;

use crate::error::{Position, SqlError, suggest};

/// A column of a relation or of a query's result.
#[derive(Debug, Clone)]
pub(super) struct Column {
    /// As the user wrote it.
    pub(super) display: String,
    /// As the planner knows it.
    pub(super) internal: String,
    /// Where it was given its name, when this query gave it.
    pub(super) at: Option<Position>,
}

impl Column {
    pub(super) fn is(&self, name: &str) -> bool {
        self.display.eq_ignore_ascii_case(name) || self.display.to_lowercase() == name.to_lowercase()
    }
}

/// A relation of a FROM clause.
#[derive(Debug, Clone)]
pub(super) struct Relation {
    /// How the user may qualify its columns, in lower case: `[alias]`, `[schema, table]`, or nothing.
    pub(super) qualifier: Vec<String>,
    /// Its unique alias in the planned query.
    pub(super) internal: String,
    pub(super) columns: Vec<Column>,
    /// Which of them a USING clause merged away: not found without a qualifier, not in `*`.
    pub(super) merged: Vec<bool>,
    /// The right side of a semi or anti join, which only its ON condition sees.
    pub(super) hidden: bool,
}

impl Relation {
    pub(super) fn new(qualifier: Vec<String>, internal: String, columns: Vec<Column>) -> Self {
        let merged = vec![false; columns.len()];
        Self { qualifier, internal, columns, merged, hidden: false }
    }

    fn reference(&self, index: usize) -> Expr {
        Expr::CompoundIdentifier(vec![quoted(&self.internal), quoted(&self.columns[index].internal)])
    }

    fn matches(&self, qualifier: &[String]) -> bool {
        self.qualifier.ends_with(qualifier)
    }
}

/// A column that USING made of one column of either side.
#[derive(Debug, Clone)]
pub(super) struct Merged {
    pub(super) display: String,
    pub(super) expression: Expr,
}

/// The relations of one FROM clause.
#[derive(Debug, Clone, Default)]
pub(super) struct Scope {
    pub(super) relations: Vec<Relation>,
    pub(super) merged: Vec<Merged>,
}

/// A column found.
#[derive(Debug, Clone)]
pub(super) struct Found {
    pub(super) expression: Expr,
    pub(super) display: String,
}

/// What looking a name up in one scope gives.
pub(super) enum Lookup {
    Found(Box<Found>),
    Ambiguous(Vec<String>),
    Nothing,
}

impl Scope {
    /// Looks up `name` or `qualifier.name`.
    pub(super) fn find(&self, qualifier: &[String], name: &str) -> Lookup {
        if qualifier.is_empty()
            && let Some(merged) = self.merged.iter().find(|merged| merged.display.eq_ignore_ascii_case(name))
        {
            let (expression, display) = (merged.expression.clone(), merged.display.clone());
            return Lookup::Found(Box::new(Found { expression, display }));
        }
        let mut found = Vec::new();
        for relation in self.visible().filter(|relation| relation.matches(qualifier)) {
            for (index, column) in relation.columns.iter().enumerate() {
                let counts = !qualifier.is_empty() || !relation.merged[index];
                if counts && column.is(name) {
                    found.push((relation, index));
                }
            }
        }
        match found.as_slice() {
            [] => Lookup::Nothing,
            [(relation, index)] => Lookup::Found(Box::new(Found {
                expression: relation.reference(*index),
                display: relation.columns[*index].display.clone(),
            })),
            several => Lookup::Ambiguous(
                several
                    .iter()
                    .map(|(relation, index)| {
                        let mut parts = relation.qualifier.clone();
                        parts.push(relation.columns[*index].display.clone());
                        parts.join(".")
                    })
                    .collect(),
            ),
        }
    }

    /// The columns of `*`: those that USING merged first, then each relation's own, as Spark orders them.
    pub(super) fn star(&self) -> Vec<Found> {
        let merged = self
            .merged
            .iter()
            .map(|merged| Found { expression: merged.expression.clone(), display: merged.display.clone() });
        merged.chain(self.visible().flat_map(|relation| Self::columns_of(relation, false))).collect()
    }

    /// The columns of `qualifier.*`; `None` when no relation is called so.
    pub(super) fn star_of(&self, qualifier: &[String]) -> Option<Vec<Found>> {
        let mut relations = self.visible().filter(|relation| relation.matches(qualifier)).peekable();
        relations.peek()?;
        Some(relations.flat_map(|relation| Self::columns_of(relation, true)).collect())
    }

    fn columns_of(relation: &Relation, with_merged: bool) -> impl Iterator<Item = Found> + '_ {
        let shown = move |index: &usize| with_merged || !relation.merged[*index];
        (0..relation.columns.len()).filter(shown).map(|index| Found {
            expression: relation.reference(index),
            display: relation.columns[index].display.clone(),
        })
    }

    pub(super) fn visible(&self) -> impl Iterator<Item = &Relation> {
        self.relations.iter().filter(|relation| !relation.hidden)
    }

    fn has_qualifier(&self, qualifier: &[String]) -> bool {
        self.visible().any(|relation| relation.matches(qualifier))
    }

    fn names(&self) -> Vec<String> {
        self.star().into_iter().map(|found| found.display).collect()
    }
}

/// The error of a name that no scope has, `scopes` being innermost first.
pub(super) fn unknown(qualifier: &[String], name: &str, scopes: &[&Scope], at: Option<Position>) -> SqlError {
    let written = qualifier.iter().map(String::as_str).chain([name]).collect::<Vec<_>>().join(".");
    if qualifier.is_empty() {
        let known: Vec<String> = scopes.iter().flat_map(|scope| scope.names()).collect();
        return SqlError::new(Code::UnknownColumn, format!("there is no column `{written}`")).at(at).help_if(suggest(
            name,
            "the columns here are",
            known.iter().map(String::as_str),
        ));
    }
    if let Some(scope) = scopes.iter().find(|scope| scope.has_qualifier(qualifier)) {
        let table = qualifier.join(".");
        let columns = scope.star_of(qualifier).unwrap_or_default();
        return SqlError::new(Code::UnknownColumn, format!("`{table}` has no column `{name}`"))
            .at(at)
            .help_if(suggest(name, "its columns are", columns.iter().map(|found| found.display.as_str())));
    }
    let known: Vec<String> = scopes
        .iter()
        .flat_map(|scope| scope.visible())
        .map(|relation| relation.qualifier.join("."))
        .filter(|qualifier| !qualifier.is_empty())
        .collect();
    let table = qualifier.join(".");
    SqlError::new(Code::UnknownColumn, format!("`{written}`: no table or alias `{table}` is read here"))
        .at(at)
        .help_if(suggest(&table, "these are", known.iter().map(String::as_str)))
}

/// An identifier that the planner takes as it is.
pub(super) fn quoted(name: &str) -> Ident {
    Ident::with_quote('`', name)
}

/// A name that none of `taken` is: the wanted one, or with a number after it.
pub(super) fn unique(wanted: &str, mut taken: impl FnMut(&str) -> bool) -> String {
    if !taken(wanted) {
        return wanted.to_owned();
    }
    let mut number = 2_u32;
    loop {
        let candidate = format!("{wanted}#{number}");
        if !taken(&candidate) {
            return candidate;
        }
        number += 1;
    }
}
