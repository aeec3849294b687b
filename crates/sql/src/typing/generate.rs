//! SELECT lists with a function that makes rows: its arrays are computed beside the other columns, and then unnested.

use std::any::Any;
use std::sync::Arc;

use datafusion::common::{Column, NullHandling, ScalarValue, UnnestOptions};
use datafusion::functions_nested::expr_fn as native;
use datafusion::logical_expr::{Expr, LogicalPlan, Projection, Unnest, cast};
use headwater_plan::DataType;

use super::call::{Call, Typed};
use super::expression::column_of;
use super::{Stop, Typing, named};
use crate::error::{Position, SqlError};
use crate::functions::generator::{GENERATE, Generator};
use crate::functions::{self, Kind};
use crate::kernels;
use crate::kernels::each::{Each, EachElement};
use crate::kernels::element::{Positions, Sequence};
use crate::marker::Marker;
use crate::types::arrow_type;

/// A column that is generated.
struct Generated {
    function: String,
    column: usize,
    columns: usize,
    arguments: Vec<Expr>,
    at: Option<Position>,
}

/// Whether an expression of a SELECT list is a column that is generated.
pub(super) fn is_generated(expr: &Expr) -> bool {
    match expr {
        Expr::Alias(alias) => is_generated(&alias.expr),
        Expr::ScalarFunction(call) => {
            Marker::of(call.func.inner().as_ref() as &dyn Any).is_some_and(|(name, _)| name == GENERATE)
        }
        _ => false,
    }
}

fn taken(expr: Expr) -> Option<Generated> {
    match expr {
        Expr::Alias(alias) => taken(*alias.expr),
        Expr::ScalarFunction(call) => {
            let at = Marker::of(call.func.inner().as_ref() as &dyn Any).and_then(|(_, at)| at);
            let mut arguments = call.args.into_iter();
            let mut text = || match arguments.next() {
                Some(Expr::Literal(ScalarValue::Utf8(Some(text)), _)) => Some(text),
                _ => None,
            };
            let (function, column, columns) = (text()?, text()?.parse().ok()?, text()?.parse().ok()?);
            Some(Generated { function, column, columns, arguments: arguments.collect(), at })
        }
        _ => None,
    }
}

impl Typing {
    pub(super) fn generated(&mut self, node: Projection) -> Result<LogicalPlan, Stop> {
        let input = self.input(node.input)?;
        let (mut kept, mut places, mut generator) = (Vec::new(), Vec::new(), None);
        for expr in node.expr {
            if !is_generated(&expr) {
                places.push((false, kept.len()));
                kept.push(self.expression(expr, input.schema())?.unalias());
                continue;
            }
            let Some(generated) = taken(expr) else { return self.internal("a generated column was lost".into()) };
            places.push((true, generated.column));
            generator = Some(generated);
        }
        let Some(generator) = generator else { return self.internal("a generator was lost".into()) };
        let outer = generator.function.ends_with("_outer");
        let lists = self.lists(generator, &input)?;
        let count = kept.len();
        let kept = kept.into_iter().enumerate().map(|(index, expr)| expr.alias(format!("kept {index}")));
        let lists: Vec<Expr> =
            lists.into_iter().enumerate().map(|(index, list)| list.alias(format!("generated {index}"))).collect();
        let columns: Vec<Column> =
            (0..lists.len()).map(|index| Column::new_unqualified(format!("generated {index}"))).collect();
        let computed = self.planned(Projection::try_new(kept.chain(lists).collect(), input))?;
        let null_handling = if outer { NullHandling::PreserveAndExpandEmpty } else { NullHandling::Drop };
        let options = UnnestOptions { null_handling, recursions: Vec::new() };
        let unnest = Unnest::try_new(Arc::new(LogicalPlan::Projection(computed)), columns, options);
        let plan = LogicalPlan::Unnest(self.planned(unnest)?);
        let place = |(generated, index): (bool, usize)| if generated { count + index } else { index };
        let exprs = places.into_iter().map(|at| column_of(plan.schema(), place(at))).enumerate();
        let exprs = exprs.map(|(index, expr)| named(expr, &node.schema, index)).collect();
        let projection = self.planned(Projection::try_new(exprs, Arc::new(plan)))?;
        Ok(LogicalPlan::Projection(projection))
    }

    /// One array for each column, all of them as long.
    fn lists(&mut self, generated: Generated, input: &LogicalPlan) -> Result<Vec<Expr>, Stop> {
        let Generated { function, columns, arguments, at, .. } = generated;
        let Some(Kind::Generator(generator)) = functions::find(&function).map(|function| function.kind) else {
            return self.internal(format!("the generator `{function}` was lost"));
        };
        let arguments = self.all(arguments, input.schema())?;
        let typed = arguments.into_iter().map(|argument| Typed::of(argument, input.schema())).collect();
        let arguments = self.told(typed, at)?;
        let call = Call { name: &function, arguments, schema: input.schema(), now: self.now };
        let lists = self.told(lists(&call, generator), at)?;
        if lists.len() == columns {
            return Ok(lists);
        }
        let message = format!("`{function}` makes {} columns here, and {columns} are named", lists.len());
        let help =
            format!("write `as ({})`", (1..=lists.len()).map(|n| format!("name{n}")).collect::<Vec<_>>().join(", "));
        self.told(Err(SqlError::mismatch(message).help(help)), at)
    }
}

fn lists(call: &Call<'_>, generator: Generator) -> Result<Vec<Expr>, SqlError> {
    match generator {
        Generator::Explode => exploded(call),
        Generator::PosExplode => {
            let mut lists = exploded(call)?;
            let element = match call.data_type(0)? {
                DataType::Array(element) => arrow_type(element),
                DataType::Map(key, _) => arrow_type(key),
                _ => return Err(call.wrong_types()),
            };
            let first = lists.first().cloned().ok_or_else(|| SqlError::internal("an array was lost"))?;
            lists.insert(0, kernels::call(Positions { element }, vec![first]));
            Ok(lists)
        }
        Generator::Inline => fields(call),
        Generator::Stack => stacked(call),
        Generator::Range => ranged(call),
    }
}

fn exploded(call: &Call<'_>) -> Result<Vec<Expr>, SqlError> {
    let value = call.argument(0)?;
    match &value.data_type {
        DataType::Array(_) => Ok(vec![value.expr.clone()]),
        DataType::Map(key, item) => {
            let list =
                |list: Expr, element: &DataType| cast(list, arrow_type(&DataType::Array(Box::new(element.clone()))));
            let (keys, values) = (native::map_keys(value.expr.clone()), native::map_values(value.expr.clone()));
            Ok(vec![list(keys, key), list(values, item)])
        }
        other => Err(SqlError::mismatch(format!("`{}` takes an array or a map, not `{other}`", call.name))),
    }
}

fn fields(call: &Call<'_>) -> Result<Vec<Expr>, SqlError> {
    let value = call.argument(0)?;
    let DataType::Array(element) = &value.data_type else { return Err(call.wrong_types()) };
    let DataType::Struct(fields) = element.as_ref() else { return Err(call.wrong_types()) };
    let list = |field: &headwater_plan::Field| {
        let variable = Expr::Column(Column::new_unqualified("element"));
        let body = datafusion::functions::core::expr_fn::get_field(variable, &field.name);
        let kernel = EachElement {
            each: Each::Transform,
            body,
            element: arrow_type(element),
            captured: Vec::new(),
            value: arrow_type(&field.data_type),
        };
        kernels::call(kernel, vec![value.expr.clone()])
    };
    Ok(fields.iter().map(list).collect())
}

/// `stack(rows, value, ...)`: the values row by row.
fn stacked(call: &Call<'_>) -> Result<Vec<Expr>, SqlError> {
    let rows = call.literal_integer(0, "number of rows")?;
    let Some(rows) = usize::try_from(rows).ok().filter(|rows| *rows > 0) else {
        return Err(SqlError::mismatch(format!("`stack` of {rows} rows: there must be at least 1")));
    };
    let width = (call.len() - 1).div_ceil(rows);
    let null = Typed { expr: Expr::Literal(ScalarValue::Null, None), data_type: DataType::Null };
    let mut lists = Vec::with_capacity(width);
    for column in 0..width {
        let value = |row: usize| call.arguments.get(1 + row * width + column).unwrap_or(&null).clone();
        let arguments: Vec<Typed> = (0..rows).map(value).collect();
        let all: Vec<usize> = (0..rows).collect();
        let column = Call { name: call.name, arguments, schema: call.schema, now: call.now };
        let (values, common) = column.in_common(&all)?;
        lists.push(cast(native::make_array(values), arrow_type(&DataType::Array(Box::new(common)))));
    }
    Ok(lists)
}

fn ranged(call: &Call<'_>) -> Result<Vec<Expr>, SqlError> {
    let number = |index: usize| call.expect(index, &DataType::Long);
    let (zero, one) = (datafusion::logical_expr::lit(0_i64), datafusion::logical_expr::lit(1_i64));
    let arguments = match call.len() {
        1 => vec![zero, number(0)?, one],
        2 => vec![number(0)?, number(1)?, one],
        _ => vec![number(0)?, number(1)?, number(2)?],
    };
    Ok(vec![kernels::call(Sequence::Range, arguments)])
}
