//! How a resolved call travels through DataFusion's planner with its place in the text.
//!
//! A call of `sum` at line 3, column 8, 3 characters long, is planned as a function of the name `sum@3:8:3`. The
//! planner asks for a function of that name and gets a marker, which has no type yet (Spark's rules decide it later, in
//! [`crate::typing`]), cannot run, and is equal to every other marker of the same function: where a call stands
//! does not matter when GROUP BY looks for it in the SELECT list.

use std::any::Any;
use std::hash::{Hash, Hasher};

use arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::{Result, internal_err};
use datafusion::logical_expr::expr::{
    AggregateFunctionParams, WindowFunctionParams, schema_name_from_exprs, schema_name_from_sorts,
};
use datafusion::logical_expr::function::{
    AccumulatorArgs, PartitionEvaluatorArgs, StateFieldsArgs, WindowUDFFieldArgs,
};
use datafusion::logical_expr::{
    Accumulator, AggregateUDFImpl, ColumnarValue, Expr, PartitionEvaluator, ReturnFieldArgs, ScalarFunctionArgs,
    ScalarUDFImpl, Signature, TypeSignature, Volatility, WindowUDFImpl,
};
use datafusion::sql::sqlparser::ast;
use std::sync::Arc;

use crate::error::Position;

/// The syntax tree of a marked call.
pub(crate) fn call(name: &str, at: Option<Position>, arguments: Vec<ast::Expr>) -> ast::Expr {
    let arguments =
        arguments.into_iter().map(|argument| ast::FunctionArg::Unnamed(ast::FunctionArgExpr::Expr(argument))).collect();
    ast::Expr::Function(ast::Function {
        name: ast::ObjectName::from(vec![ast::Ident::with_quote('`', marked(name, at))]),
        uses_odbc_syntax: false,
        parameters: ast::FunctionArguments::None,
        args: ast::FunctionArguments::List(ast::FunctionArgumentList {
            duplicate_treatment: None,
            args: arguments,
            clauses: Vec::new(),
        }),
        filter: None,
        null_treatment: None,
        over: None,
        within_group: Vec::new(),
    })
}

/// A text argument that stays literal.
pub(crate) fn text(value: impl Into<String>) -> ast::Expr {
    ast::Expr::Value(ast::Value::SingleQuotedString(value.into()).into())
}

/// The name that a marked call is planned under.
pub(crate) fn marked(name: &str, at: Option<Position>) -> String {
    at.map_or_else(|| name.to_owned(), |at| format!("{name}@{}:{}:{}", at.line, at.column, at.length))
}

/// Takes a marked name apart.
pub(crate) fn unmarked(marked: &str) -> (&str, Option<Position>) {
    let Some((name, place)) = marked.split_once('@') else { return (marked, None) };
    let mut numbers = place.split(':');
    let mut next = || numbers.next();
    let place = || {
        let (line, column, length) = (next()?, next()?, next()?);
        Some(Position { line: line.parse().ok()?, column: column.parse().ok()?, length: length.parse().ok()? })
    };
    (name, { place }())
}

/// A scalar function, aggregate or window function that the typing pass will replace.
#[derive(Debug, Clone)]
pub(crate) struct Marker {
    marked: String,
    /// How long the function's own name in it is.
    name: usize,
    signature: Signature,
}

impl Marker {
    pub(crate) fn new(marked: &str) -> Self {
        let any = TypeSignature::OneOf(vec![TypeSignature::Nullary, TypeSignature::VariadicAny]);
        let name = marked.find('@').unwrap_or(marked.len());
        Self { marked: marked.to_owned(), name, signature: Signature::new(any, Volatility::Immutable) }
    }

    /// The function's name and the call's place, when the implementation is a marker.
    pub(crate) fn of(implementation: &dyn Any) -> Option<(&str, Option<Position>)> {
        implementation.downcast_ref::<Self>().map(|marker| unmarked(&marker.marked))
    }

    fn function(&self) -> &str {
        &self.marked[..self.name]
    }
}

impl PartialEq for Marker {
    fn eq(&self, other: &Self) -> bool {
        self.function() == other.function()
    }
}

impl Eq for Marker {}

impl Hash for Marker {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.function().hash(state);
    }
}

impl ScalarUDFImpl for Marker {
    fn name(&self) -> &str {
        &self.marked
    }

    fn schema_name(&self, arguments: &[Expr]) -> Result<String> {
        Ok(format!("{}({})", self.function(), schema_name_from_exprs(arguments)?))
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Null)
    }

    fn return_field_from_args(&self, _: ReturnFieldArgs) -> Result<FieldRef> {
        Ok(Arc::new(Field::new(self.function(), DataType::Null, true)))
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        Ok(types.to_vec())
    }

    fn invoke_with_args(&self, _: ScalarFunctionArgs) -> Result<ColumnarValue> {
        internal_err!("`{}` was not typed before it ran", self.marked)
    }
}

impl AggregateUDFImpl for Marker {
    fn name(&self) -> &str {
        &self.marked
    }

    fn schema_name(&self, params: &AggregateFunctionParams) -> Result<String> {
        let mut name = self.function().to_owned();
        let distinct = if params.distinct { "DISTINCT " } else { "" };
        name += &format!("({distinct}{})", schema_name_from_exprs(&params.args)?);
        if let Some(filter) = &params.filter {
            name += &format!(" FILTER ({})", filter.schema_name());
        }
        if !params.order_by.is_empty() {
            name += &format!(" ORDER BY [{}]", schema_name_from_sorts(&params.order_by)?);
        }
        if let Some(nulls) = params.null_treatment {
            name += &format!(" {nulls}");
        }
        Ok(name)
    }

    fn window_function_schema_name(&self, params: &WindowFunctionParams) -> Result<String> {
        let mut name = format!("{}({})", self.function(), schema_name_from_exprs(&params.args)?);
        if let Some(nulls) = params.null_treatment {
            name += &format!(" {nulls}");
        }
        if let Some(filter) = &params.filter {
            name += &format!(" FILTER ({})", filter.schema_name());
        }
        if !params.partition_by.is_empty() {
            name += &format!(" PARTITION BY [{}]", schema_name_from_exprs(&params.partition_by)?);
        }
        if !params.order_by.is_empty() {
            name += &format!(" ORDER BY [{}]", schema_name_from_sorts(&params.order_by)?);
        }
        Ok(format!("{name} {}", params.window_frame))
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Null)
    }

    fn supports_null_handling_clause(&self) -> bool {
        true
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        Ok(types.to_vec())
    }

    fn accumulator(&self, _: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        internal_err!("`{}` was not typed before it ran", self.marked)
    }

    fn state_fields(&self, _: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        internal_err!("`{}` was not typed before it ran", self.marked)
    }
}

impl WindowUDFImpl for Marker {
    fn name(&self) -> &str {
        &self.marked
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn partition_evaluator(&self, _: PartitionEvaluatorArgs) -> Result<Box<dyn PartitionEvaluator>> {
        internal_err!("`{}` was not typed before it ran", self.marked)
    }

    fn field(&self, arguments: WindowUDFFieldArgs) -> Result<FieldRef> {
        Ok(Arc::new(Field::new(arguments.name(), DataType::Null, true)))
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        Ok(types.to_vec())
    }
}
