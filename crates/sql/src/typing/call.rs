//! A call whose arguments are typed, as the functions see it.

use std::borrow::Cow;
use std::sync::Arc;

use arrow::datatypes::DataType as ArrowType;
use datafusion::common::tree_node::TreeNode;
use datafusion::common::{DFSchema, ScalarValue};
use datafusion::logical_expr::simplify::SimplifyContext;
use datafusion::logical_expr::{Expr, ExprSchemable};
use datafusion::optimizer::simplify_expressions::ExprSimplifier;
use headwater_plan::{Code, DataType};

use super::common::{casts_itself, common_type_of};
use crate::error::SqlError;
use crate::functions::Function;
use crate::types::{arrow_type, spark_type};

/// An expression and its Spark type.
#[derive(Debug, Clone)]
pub(crate) struct Typed {
    pub(crate) expr: Expr,
    pub(crate) data_type: DataType,
}

impl Typed {
    /// Finds out an expression's type. An interval has no Spark type that a column could have.
    pub(crate) fn of(expr: Expr, schema: &DFSchema) -> Result<Self, SqlError> {
        let found = expr.get_type(schema).map_err(|error| SqlError::mismatch(first_line(&error.to_string())))?;
        match spark_type(&found) {
            // Nested values have many Arrow forms; from here on, one.
            Some(data_type) if found.is_nested() => {
                let form = arrow_type(&data_type);
                let expr = if form == found { expr } else { datafusion::logical_expr::cast(expr, form) };
                Ok(Self { expr, data_type })
            }
            Some(data_type) => Ok(Self { expr, data_type }),
            None if matches!(found, ArrowType::Interval(_) | ArrowType::Duration(_)) => {
                Err(SqlError::unsupported("an interval other than one added to or taken from a day or instant"))
            }
            None => Err(SqlError::unsupported(format!("a value of the type `{found}`"))),
        }
    }

    /// The expression as exactly this type; the caller has made sure that the cast exists.
    pub(crate) fn cast(&self, to: &DataType) -> Result<Expr, SqlError> {
        crate::functions::cast(self, to)
    }

    /// The text of a string literal.
    pub(crate) fn literal_text(&self) -> Option<&str> {
        match &self.expr {
            Expr::Literal(ScalarValue::Utf8(Some(text)), _) => Some(text),
            _ => None,
        }
    }

    /// The value of a whole-number literal.
    pub(crate) fn literal_integer(&self) -> Option<i64> {
        match &self.expr {
            Expr::Literal(value, _) => match value {
                ScalarValue::Int8(Some(value)) => Some(i64::from(*value)),
                ScalarValue::Int16(Some(value)) => Some(i64::from(*value)),
                ScalarValue::Int32(Some(value)) => Some(i64::from(*value)),
                ScalarValue::Int64(Some(value)) => Some(*value),
                _ => None,
            },
            _ => None,
        }
    }

    /// The value of an expression without columns.
    pub(crate) fn constant(&self) -> Option<ScalarValue> {
        if self.expr.any_column_refs() || self.expr.is_volatile() || has_subquery(&self.expr) {
            return None;
        }
        let schema = Arc::new(DFSchema::empty());
        let simplifier = ExprSimplifier::new(SimplifyContext::builder().with_schema(Arc::clone(&schema)).build());
        let coerced = simplifier.coerce(self.expr.clone(), &schema).ok()?;
        match simplifier.simplify(coerced).ok()? {
            Expr::Literal(value, _) => Some(value),
            _ => None,
        }
    }

    /// Whether it is `NULL` itself.
    pub(crate) fn is_null_literal(&self) -> bool {
        matches!(&self.expr, Expr::Literal(value, _) if value.is_null())
    }
}

fn has_subquery(expr: &Expr) -> bool {
    expr.exists(|part| {
        Ok(matches!(
            part,
            Expr::ScalarSubquery(_) | Expr::Exists(_) | Expr::InSubquery(_) | Expr::OuterReferenceColumn(..)
        ))
    })
    .unwrap_or(true)
}

/// A call of a scalar function.
#[derive(Debug)]
pub(crate) struct Call<'a> {
    pub(crate) name: &'a str,
    pub(crate) arguments: Vec<Typed>,
    pub(crate) schema: &'a DFSchema,
    /// The instant that `current_timestamp()` is, in microseconds: the same in the whole query.
    pub(crate) now: i64,
}

impl Call<'_> {
    pub(crate) fn len(&self) -> usize {
        self.arguments.len()
    }

    /// An argument that the function's arity promises.
    pub(crate) fn argument(&self, index: usize) -> Result<&Typed, SqlError> {
        self.arguments.get(index).ok_or_else(|| SqlError::internal(format!("`{}` lost an argument", self.name)))
    }

    pub(crate) fn data_type(&self, index: usize) -> Result<&DataType, SqlError> {
        Ok(&self.argument(index)?.data_type)
    }

    /// An argument as it is.
    pub(crate) fn expr(&self, index: usize) -> Result<Expr, SqlError> {
        Ok(self.argument(index)?.expr.clone())
    }

    /// An argument as a type that the function expects, when Spark would cast it unasked.
    pub(crate) fn expect(&self, index: usize, to: &DataType) -> Result<Expr, SqlError> {
        expect(self.name, index, self.argument(index)?, to)
    }

    pub(crate) fn text(&self, index: usize) -> Result<Expr, SqlError> {
        self.expect(index, &DataType::String)
    }

    pub(crate) fn int(&self, index: usize) -> Result<Expr, SqlError> {
        let argument = self.argument(index)?;
        // Spark narrows whole numbers here too, and the cast then checks the value.
        if argument.data_type.is_integral() {
            return argument.cast(&DataType::Int);
        }
        self.expect(index, &DataType::Int)
    }

    pub(crate) fn double(&self, index: usize) -> Result<Expr, SqlError> {
        self.expect(index, &DataType::Double)
    }

    /// The text of an argument that must be a literal, or an expression of literals.
    pub(crate) fn literal_text(&self, index: usize, what: &str) -> Result<Cow<'_, str>, SqlError> {
        self.constant_text(index)?
            .ok_or_else(|| SqlError::unsupported(format!("`{}` with a {what} that is not a literal", self.name)))
    }

    /// The text of an argument that is the same in every row.
    pub(crate) fn constant_text(&self, index: usize) -> Result<Option<Cow<'_, str>>, SqlError> {
        let argument = self.argument(index)?;
        if let Some(text) = argument.literal_text() {
            return Ok(Some(Cow::Borrowed(text)));
        }
        Ok(match argument.constant() {
            Some(ScalarValue::Utf8(Some(text)) | ScalarValue::Utf8View(Some(text))) => Some(Cow::Owned(text)),
            _ => None,
        })
    }

    /// The number of an argument that must be a literal.
    pub(crate) fn literal_integer(&self, index: usize, what: &str) -> Result<i64, SqlError> {
        let argument = self.argument(index)?;
        let constant =
            || Typed { expr: Expr::Literal(argument.constant()?, None), ..argument.clone() }.literal_integer();
        argument
            .literal_integer()
            .or_else(constant)
            .ok_or_else(|| SqlError::unsupported(format!("`{}` with a {what} that is not a literal", self.name)))
    }

    /// All arguments from an index on, cast to the type that they have in common.
    pub(crate) fn in_common(&self, indexes: &[usize]) -> Result<(Vec<Expr>, DataType), SqlError> {
        let chosen = indexes.iter().map(|index| self.argument(*index)).collect::<Result<Vec<_>, _>>()?;
        let types = chosen.iter().map(|argument| &argument.data_type);
        let Some(common) = common_type_of(types.clone()) else {
            let found: Vec<String> = types.map(|data_type| format!("`{data_type}`")).collect();
            let message =
                format!("{} has values of types that do not go together: {}", shown(self.name), found.join(", "));
            return Err(SqlError::mismatch(message).help("cast them to one type"));
        };
        let cast = chosen.into_iter().map(|argument| argument.cast(&common)).collect::<Result<_, _>>()?;
        Ok((cast, common))
    }

    /// The error of operands that an operator does not take.
    pub(crate) fn wrong_types(&self) -> SqlError {
        let types: Vec<String> = self.arguments.iter().map(|argument| format!("`{}`", argument.data_type)).collect();
        SqlError::mismatch(format!("{} does not go with {}", shown(self.name), types.join(" and ")))
    }
}

/// An argument as a type that a function expects.
pub(crate) fn expect(function: &str, index: usize, argument: &Typed, to: &DataType) -> Result<Expr, SqlError> {
    if casts_itself(&argument.data_type, to) {
        return argument.cast(to);
    }
    let (found, number) = (&argument.data_type, index + 1);
    Err(SqlError::mismatch(format!("argument {number} of {} should be `{to}`, not `{found}`", shown(function)))
        .help(format!("cast it: `cast(... as {to})`")))
}

/// The error of too few or too many arguments; `None` when the number is right.
pub(crate) fn wrong_count(function: &Function, found: usize) -> Option<SqlError> {
    let (least, most) = (*function.arguments.start(), *function.arguments.end());
    if function.arguments.contains(&found) {
        return None;
    }
    let wanted = match (least, most) {
        (least, most) if least == most => format!("{least}"),
        (least, usize::MAX) => format!("at least {least}"),
        (least, most) => format!("{least} to {most}"),
    };
    let plural = if wanted == "1" { "argument" } else { "arguments" };
    let message = format!("`{}` takes {wanted} {plural}, not {found}", function.name);
    Some(SqlError::new(Code::TypeMismatch, message))
}

/// A function's name in a message: forms are shown as they are written.
pub(crate) fn shown(name: &str) -> String {
    match name {
        "case" | "case_of" => "`CASE`".into(),
        "element" => "`[...]`".into(),
        "in" | "between" | "and" | "or" | "not" => format!("`{}`", name.to_uppercase()),
        name => format!("`{name}`"),
    }
}

pub(crate) fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().to_owned()
}
