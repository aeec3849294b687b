//! Functions that take a function: its body is typed with the elements that it is applied to, and becomes an expression of
//! its own, over the element and what the body uses of the row around it.

use std::any::Any;
use std::sync::Arc;

use arrow::datatypes::{DataType as ArrowType, Field as ArrowField};
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{Column, DFSchema, DFSchemaRef, ScalarValue};
use datafusion::logical_expr::simplify::SimplifyContext;
use datafusion::logical_expr::{Expr, ExprSchemable};
use datafusion::optimizer::simplify_expressions::ExprSimplifier;
use headwater_plan::DataType;

use super::call::{Typed, shown};
use super::common::common_type;
use super::{Stop, Typing};
use crate::error::{Position, SqlError};
use crate::functions::lambda::{LAMBDA, Lambda};
use crate::kernels;
use crate::kernels::each::{Each, EachElement};
use crate::kernels::fold::Fold;
use crate::marker::Marker;
use crate::types::arrow_type;

/// A parameter: its name in the query, its type, and what the body's own expression calls it.
struct Parameter {
    name: String,
    data_type: DataType,
    internal: &'static str,
}

/// The body of a function, by itself.
struct Body {
    typed: Typed,
    /// What it uses of the row around it.
    captured: Vec<Expr>,
    types: Vec<ArrowType>,
}

impl Typing {
    /// A use of a parameter, which is a column of the schema that the body is typed with.
    pub(super) fn lambda_variable(&mut self, arguments: &[Expr]) -> Result<Expr, Stop> {
        match arguments {
            [Expr::Literal(ScalarValue::Utf8(Some(name)), _)] => Ok(Expr::Column(Column::new_unqualified(name))),
            _ => self.internal("a parameter of a lambda function lost its name".into()),
        }
    }

    pub(super) fn lambda_call(
        &mut self,
        (name, at): (&str, Option<Position>),
        lambda: Lambda,
        arguments: Vec<Expr>,
        schema: &DFSchemaRef,
    ) -> Result<Expr, Stop> {
        let mut arguments = arguments.into_iter();
        let Some(array) = arguments.next() else { return self.internal(format!("`{name}` lost its array")) };
        let array = self.expression(array, schema)?;
        let array = self.told(Typed::of(array, schema), at)?;
        let DataType::Array(element) = &array.data_type else {
            let found = &array.data_type;
            let message = format!("argument 1 of {} should be an array, not `{found}`", shown(name));
            return self.told(Err(SqlError::mismatch(message)), at);
        };
        let element = element.as_ref().clone();
        match lambda {
            Lambda::Each(each) => {
                let (body, names) = self.function_of((name, at), arguments.next())?;
                self.each((name, at, each), (array, element), (body, names), schema)
            }
            Lambda::Fold => self.fold((name, at), (array, element), arguments.collect(), schema),
        }
    }

    /// The body and parameters of an argument that must be a function.
    fn function_of(
        &mut self,
        (name, at): (&str, Option<Position>),
        argument: Option<Expr>,
    ) -> Result<(Expr, Vec<String>), Stop> {
        if let Some(Expr::ScalarFunction(call)) = argument
            && Marker::of(call.func.inner().as_ref() as &dyn Any).is_some_and(|(name, _)| name == LAMBDA)
        {
            let mut parts = call.args.into_iter();
            let body = parts.next();
            let names = parts.filter_map(|part| match part {
                Expr::Literal(ScalarValue::Utf8(Some(name)), _) => Some(name),
                _ => None,
            });
            let names = names.collect();
            if let Some(body) = body {
                return Ok((body, names));
            }
        }
        let error = SqlError::mismatch(format!("{} takes a function here", shown(name))).help("write `x -> ...`");
        self.told(Err(error), at)
    }

    fn each(
        &mut self,
        (name, at, each): (&str, Option<Position>, Each),
        (array, element): (Typed, DataType),
        (body, names): (Expr, Vec<String>),
        schema: &DFSchemaRef,
    ) -> Result<Expr, Stop> {
        let most = if matches!(each, Each::Transform | Each::Filter) { 2 } else { 1 };
        if names.len() > most {
            let message =
                format!("the function of {} has {} parameters, and at most {most} are given", shown(name), names.len());
            return self.told(Err(SqlError::mismatch(message)), at);
        }
        let given = [(element.clone(), "element"), (DataType::Int, "index")];
        let parameters = names.into_iter().zip(given);
        let parameters =
            parameters.map(|(name, (data_type, internal))| Parameter { name, data_type, internal }).collect();
        let mut body =
            self.body(body, parameters, (&[("element", &element), ("index", &DataType::Int)], schema), at)?;
        if each != Each::Transform && body.typed.data_type != DataType::Boolean {
            if body.typed.data_type != DataType::Null {
                let message =
                    format!("the function of {} should give `boolean`, not `{}`", shown(name), body.typed.data_type);
                return self.told(Err(SqlError::mismatch(message)), at);
            }
            body.typed =
                Typed { expr: self.told(body.typed.cast(&DataType::Boolean), at)?, data_type: DataType::Boolean };
        }
        let value = arrow_type(&body.typed.data_type);
        let kernel =
            EachElement { each, body: body.typed.expr, element: arrow_type(&element), captured: body.types, value };
        let arguments = std::iter::once(array.expr).chain(body.captured).collect();
        Ok(kernels::call(kernel, arguments))
    }

    /// `aggregate(array, start, (so_far, x) -> ..., [result -> ...])`.
    fn fold(
        &mut self,
        (name, at): (&str, Option<Position>),
        (array, element): (Typed, DataType),
        arguments: Vec<Expr>,
        schema: &DFSchemaRef,
    ) -> Result<Expr, Stop> {
        let mut arguments = arguments.into_iter();
        let start = match arguments.next() {
            Some(start) => self.expression(start, schema)?,
            None => return self.internal(format!("`{name}` lost its start")),
        };
        let start = self.told(Typed::of(start, schema), at)?;
        let (merge, names) = self.function_of((name, at), arguments.next())?;
        let Ok([so_far, value]) = <[String; 2]>::try_from(names) else {
            let message =
                format!("the function of {} has two parameters: what came before, and an element", shown(name));
            return self.told(Err(SqlError::mismatch(message)), at);
        };
        let state = start.data_type.clone();
        let parameters = vec![
            Parameter { name: so_far, data_type: state.clone(), internal: "state" },
            Parameter { name: value, data_type: element.clone(), internal: "element" },
        ];
        let known = [("element", &element), ("state", &state)];
        let merge = self.body(merge, parameters, (&known, schema), at)?;
        if common_type(&merge.typed.data_type, &state).as_ref() != Some(&state) {
            let message = format!(
                "the function of {} should give `{state}` as its start is, not `{}`",
                shown(name),
                merge.typed.data_type
            );
            let error =
                SqlError::mismatch(message).help(format!("cast the start: `cast(... as {})`", merge.typed.data_type));
            return self.told(Err(error), at);
        }
        let body = self.told(merge.typed.cast(&state), at)?;
        let kernel = Fold { body, element: arrow_type(&element), state: arrow_type(&state), captured: merge.types };
        let folded = kernels::call(kernel, [array.expr, start.expr].into_iter().chain(merge.captured).collect());
        let Some(finish) = arguments.next() else { return Ok(folded) };
        self.finished((name, at), Typed { expr: folded, data_type: state }, finish, schema)
    }

    /// What becomes of the end: the function's body with the end in place of its parameter.
    fn finished(
        &mut self,
        (name, at): (&str, Option<Position>),
        end: Typed,
        finish: Expr,
        schema: &DFSchemaRef,
    ) -> Result<Expr, Stop> {
        let (finish, names) = self.function_of((name, at), Some(finish))?;
        let [parameter] = names.as_slice() else {
            return self
                .told(Err(SqlError::mismatch(format!("the last function of {} has one parameter", shown(name)))), at);
        };
        let joined = self.with_parameters(&[(parameter.as_str(), &end.data_type)], schema)?;
        let typed = self.expression(finish, &joined)?;
        let replaced = typed.transform_down(|part| match &part {
            Expr::Column(column) if column.relation.is_none() && column.name == *parameter => {
                Ok(Transformed::yes(end.expr.clone()))
            }
            _ => Ok(Transformed::no(part)),
        });
        self.planned(replaced.map(|replaced| replaced.data))
    }

    fn with_parameters(&mut self, given: &[(&str, &DataType)], schema: &DFSchemaRef) -> Result<DFSchemaRef, Stop> {
        let fields = given.iter().map(|(name, data_type)| ArrowField::new(*name, arrow_type(data_type), true));
        let parameters = DFSchema::from_unqualified_fields(fields.collect(), Default::default());
        let parameters = self.planned(parameters)?;
        Ok(Arc::new(self.planned(schema.join(&parameters))?))
    }

    /// Types a body, and takes it out of its surroundings.
    fn body(
        &mut self,
        body: Expr,
        parameters: Vec<Parameter>,
        (known, schema): (&[(&str, &DataType)], &DFSchemaRef),
        at: Option<Position>,
    ) -> Result<Body, Stop> {
        let given: Vec<(&str, &DataType)> =
            parameters.iter().map(|parameter| (parameter.name.as_str(), &parameter.data_type)).collect();
        let joined = self.with_parameters(&given, schema)?;
        let typed = self.expression(body, &joined)?;
        let typed = self.told(Typed::of(typed, &joined), at)?;
        let (mut captured, mut types, mut subquery) = (Vec::<Expr>::new(), Vec::new(), false);
        let alone = typed.expr.transform_down(|part| {
            let parameter = |column: &Column| {
                let named = parameters.iter().find(|parameter| parameter.name == column.name);
                named.filter(|_| column.relation.is_none())
            };
            match &part {
                Expr::Column(column) if let Some(parameter) = parameter(column) => {
                    Ok(Transformed::yes(Expr::Column(Column::new_unqualified(parameter.internal))))
                }
                Expr::Column(_) | Expr::OuterReferenceColumn(..) => {
                    let index = match captured.iter().position(|earlier| *earlier == part) {
                        Some(index) => index,
                        None => {
                            types.push(part.get_type(joined.as_ref())?);
                            captured.push(part);
                            captured.len() - 1
                        }
                    };
                    Ok(Transformed::yes(Expr::Column(Column::new_unqualified(format!("captured {index}")))))
                }
                Expr::ScalarSubquery(_) | Expr::Exists(_) | Expr::InSubquery(_) => {
                    subquery = true;
                    Ok(Transformed::no(part))
                }
                _ => Ok(Transformed::no(part)),
            }
        });
        let alone = self.planned(alone)?.data;
        if subquery {
            return self.told(Err(SqlError::unsupported("a subquery inside a lambda function")), at);
        }
        let mut fields: Vec<ArrowField> =
            known.iter().map(|(name, data_type)| ArrowField::new(*name, arrow_type(data_type), true)).collect();
        for (index, data_type) in types.iter().enumerate() {
            fields.push(ArrowField::new(format!("captured {index}"), data_type.clone(), true));
        }
        let own = self.planned(DFSchema::from_unqualified_fields(fields.into(), Default::default()))?;
        let expr = self.planned(simplified(alone, own))?;
        Ok(Body { typed: Typed { expr, data_type: typed.data_type }, captured, types })
    }
}

/// What the optimizer would make of an expression, if it saw it.
fn simplified(expr: Expr, schema: DFSchema) -> datafusion::common::Result<Expr> {
    let schema = Arc::new(schema);
    let simplifier = ExprSimplifier::new(SimplifyContext::builder().with_schema(Arc::clone(&schema)).build());
    simplifier.simplify(simplifier.coerce(expr, &schema)?)
}
