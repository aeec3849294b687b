//! What Spark calls a column that has no alias: the text of its expression, as Spark prints expressions.

use datafusion::sql::sqlparser::ast::{
    BinaryOperator, CastKind, Expr, FunctionArg, FunctionArgExpr, FunctionArguments, UnaryOperator, Value,
};

use crate::parse::literal::unescape;

/// The name of an unaliased expression.
pub(super) fn name_of(expression: &Expr) -> String {
    match expression {
        Expr::Identifier(ident) => ident.value.clone(),
        Expr::CompoundIdentifier(parts) => parts.last().map(|part| part.value.clone()).unwrap_or_default(),
        // A cast keeps the name of what it casts when that is a column.
        Expr::Cast { expr, .. } if is_column(expr) => name_of(expr),
        _ => text(expression),
    }
}

fn is_column(expression: &Expr) -> bool {
    match expression {
        Expr::Identifier(_) | Expr::CompoundIdentifier(_) => true,
        Expr::Nested(inner) => is_column(inner),
        _ => false,
    }
}

fn text(expression: &Expr) -> String {
    match expression {
        Expr::Identifier(ident) => ident.value.clone(),
        Expr::CompoundIdentifier(parts) => parts.iter().map(|part| part.value.as_str()).collect::<Vec<_>>().join("."),
        Expr::Nested(inner) => text(inner),
        Expr::Value(value) => match &value.value {
            Value::SingleQuotedString(raw) => unescape(raw, '\''),
            Value::DoubleQuotedString(raw) => unescape(raw, '"'),
            Value::Null => "NULL".into(),
            other => other.to_string(),
        },
        Expr::BinaryOp { left, op: BinaryOperator::StringConcat, right } => {
            format!("concat({}, {})", text(left), text(right))
        }
        Expr::BinaryOp { left, op, right } => format!("({} {} {})", text(left), operator(op), text(right)),
        Expr::UnaryOp { op: UnaryOperator::Minus, expr } => match expr.as_ref() {
            Expr::Value(_) => format!("-{}", text(expr)),
            _ => format!("(- {})", text(expr)),
        },
        Expr::UnaryOp { op: UnaryOperator::Not | UnaryOperator::BangNot, expr } => format!("(NOT {})", text(expr)),
        Expr::IsNull(inner) => format!("({} IS NULL)", text(inner)),
        Expr::IsNotNull(inner) => format!("({} IS NOT NULL)", text(inner)),
        Expr::InList { expr, list, negated } => {
            let inside = format!("({} IN ({}))", text(expr), texts(list));
            if *negated { format!("(NOT {inside})") } else { inside }
        }
        Expr::Between { expr, negated, low, high } => {
            let inside = format!("between({}, {}, {})", text(expr), text(low), text(high));
            if *negated { format!("(NOT {inside})") } else { inside }
        }
        Expr::Cast { kind, expr, data_type, .. } => {
            let name = if matches!(kind, CastKind::TryCast) { "TRY_CAST" } else { "CAST" };
            format!("{name}({} AS {})", text(expr), data_type.to_string().to_uppercase())
        }
        Expr::Case { operand, conditions, else_result, .. } => {
            let mut parts = vec!["CASE".to_owned()];
            parts.extend(operand.iter().map(|operand| text(operand)));
            for branch in conditions {
                parts.push(format!("WHEN {} THEN {}", text(&branch.condition), text(&branch.result)));
            }
            parts.extend(else_result.iter().map(|result| format!("ELSE {}", text(result))));
            parts.push("END".into());
            parts.join(" ")
        }
        Expr::Function(function) if function.over.is_none() => {
            let FunctionArguments::List(list) = &function.args else {
                return format!("{}()", function.name.to_string().to_lowercase());
            };
            let distinct = if list.duplicate_treatment.is_some() { "DISTINCT " } else { "" };
            let arguments: Vec<String> = list.args.iter().map(argument).collect();
            format!("{}({distinct}{})", function.name.to_string().to_lowercase(), arguments.join(", "))
        }
        other => other.to_string(),
    }
}

fn argument(argument: &FunctionArg) -> String {
    match argument {
        FunctionArg::Unnamed(FunctionArgExpr::Expr(expression)) => text(expression),
        FunctionArg::Unnamed(FunctionArgExpr::Wildcard) => "1".into(),
        other => other.to_string(),
    }
}

fn texts(expressions: &[Expr]) -> String {
    expressions.iter().map(text).collect::<Vec<_>>().join(", ")
}

fn operator(operator: &BinaryOperator) -> String {
    match operator {
        BinaryOperator::NotEq => "<>".into(),
        BinaryOperator::MyIntegerDivide => "div".into(),
        other => other.to_string(),
    }
}
