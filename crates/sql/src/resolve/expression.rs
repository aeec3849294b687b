//! Expressions: each operator and special form becomes a marked call of a named function.

use datafusion::sql::sqlparser::ast::{
    BinaryOperator, CastKind, CeilFloorKind, DateTimeField, Expr, FunctionArg, FunctionArgExpr, FunctionArguments,
    Interval, Query, Spanned, TrimWhereField, UnaryOperator, Value, ValueWithSpan,
};
use headwater_plan::Code;

use super::grouping::Grouping;
use super::select::Item;
use super::{Resolver, null};
use crate::error::{Position, SqlError};
use crate::marker::{call, text};
use crate::parse::literal::unescape;
use crate::parse::position;

/// Where an expression stands, which decides what may stand in it.
#[derive(Clone, Copy)]
pub(super) struct Place<'p> {
    /// The clause's name, for messages.
    pub(super) clause: &'static str,
    pub(super) aggregates: bool,
    pub(super) windows: bool,
    /// Whether it is in the condition of QUALIFY, also inside a window function there.
    pub(super) qualifies: bool,
    /// The items of the SELECT list that may be referred to by their alias here.
    pub(super) aliases: &'p [Item],
    /// Whether an alias wins over a column of FROM.
    pub(super) aliases_first: bool,
    /// What rows are grouped by, where a column of FROM that is one of these wins over an alias all the same.
    pub(super) grouped: Option<&'p Grouping>,
}

impl<'p> Place<'p> {
    /// A place for plain values: WHERE, ON, VALUES.
    pub(super) fn scalar(clause: &'static str) -> Self {
        Self {
            clause,
            aggregates: false,
            windows: false,
            qualifies: false,
            aliases: &[],
            aliases_first: false,
            grouped: None,
        }
    }

    /// Inside an aggregate function: no further one, and FROM's columns come first.
    pub(super) fn inside_aggregate(self) -> Self {
        Self { clause: "an aggregate function", aggregates: false, windows: false, aliases_first: false, ..self }
    }
}

impl Resolver<'_> {
    pub(super) fn expression(&mut self, expression: Expr, place: Place<'_>) -> Expr {
        let at = position(expression.span());
        match expression {
            Expr::Nested(inner) => self.expression(*inner, place),
            Expr::Identifier(name) => self.reference(&[name], place),
            Expr::CompoundIdentifier(parts) => self.reference(&parts, place),
            Expr::Value(value) => self.literal(value),
            Expr::TypedString(typed) => {
                let Some(value) = string(&typed.value) else { return self.refused_value("this literal", at) };
                call("typed_literal", at, vec![text(typed.data_type.to_string()), text(value)])
            }
            Expr::Interval(interval) => self.interval(interval, at),
            Expr::UnaryOp { op, expr } => self.unary(op, *expr, at, place),
            Expr::BinaryOp { left, op, right } => self.binary(*left, &op, *right, place),
            Expr::Function(function) => self.function(function, place),
            Expr::Case { operand, conditions, else_result, .. } => {
                let name = if operand.is_some() { "case_of" } else { "case" };
                let branches = conditions.into_iter().flat_map(|branch| [branch.condition, branch.result]);
                let parts = operand.into_iter().map(|part| *part).chain(branches);
                self.form(name, at, parts.chain(else_result.map(|part| *part)).collect(), place)
            }
            Expr::Cast { kind, expr, data_type, array, format } => {
                if array || format.is_some() {
                    return self.refused_value("a cast with a format", at);
                }
                let name = if matches!(kind, CastKind::TryCast | CastKind::SafeCast) { "try_cast" } else { "cast" };
                let value = self.expression(*expr, place);
                let to = data_type.to_string();
                if let Err(error) = crate::functions::type_named(&to) {
                    let at = at.and_then(|at| self.text.find_after(at, &to)).or(at);
                    self.error(error.at(at));
                }
                call(name, at, vec![value, text(to)])
            }
            Expr::CompoundFieldAccess { root, access_chain } => self.access(*root, access_chain, at, place),
            Expr::Struct { values, fields } => self.structure(values, &fields, at, place),
            Expr::Lambda(_) => {
                let message = "a function (`x -> ...`) stands where a value is expected";
                self.error(SqlError::new(Code::SqlSyntax, message).at(at));
                null()
            }
            Expr::Subquery(_) | Expr::Exists { .. } | Expr::InSubquery { .. } => self.subquery(expression, at, place),
            other => self.predicate(other, at, place),
        }
    }

    /// Tests of a value, and the special forms with keywords between their arguments.
    fn predicate(&mut self, expression: Expr, at: Option<Position>, place: Place<'_>) -> Expr {
        let negate = |negated: bool, inside: Expr| if negated { call("not", at, vec![inside]) } else { inside };
        match expression {
            Expr::IsNull(inner) => self.form("isnull", at, vec![*inner], place),
            Expr::IsNotNull(inner) => self.form("isnotnull", at, vec![*inner], place),
            Expr::IsTrue(inner) => self.form("is_true", at, vec![*inner], place),
            Expr::IsNotTrue(inner) => negate(true, self.form("is_true", at, vec![*inner], place)),
            Expr::IsFalse(inner) => self.form("is_false", at, vec![*inner], place),
            Expr::IsNotFalse(inner) => negate(true, self.form("is_false", at, vec![*inner], place)),
            Expr::IsUnknown(inner) => self.form("is_unknown", at, vec![*inner], place),
            Expr::IsNotUnknown(inner) => negate(true, self.form("is_unknown", at, vec![*inner], place)),
            Expr::IsNotDistinctFrom(left, right) => self.form("<=>", at, vec![*left, *right], place),
            Expr::IsDistinctFrom(left, right) => negate(true, self.form("<=>", at, vec![*left, *right], place)),
            Expr::InList { expr, list, negated } => {
                let at = at.map(|at| self.text.closed(at));
                let inside = self.form("in", at, std::iter::once(*expr).chain(list).collect(), place);
                negate(negated, inside)
            }
            Expr::Between { expr, negated, low, high } => {
                let inside = self.form("between", at, vec![*expr, *low, *high], place);
                negate(negated, inside)
            }
            Expr::Like { negated, any, expr, pattern, escape_char: None } if several(any, &pattern).is_some() => {
                let patterns = several(any, &pattern).unwrap_or_default();
                let value = self.expression(*expr, place);
                let patterns = patterns.into_iter().map(|pattern| self.expression(pattern, place)).collect();
                like_each("like", (negated, any), &value, patterns, at)
            }
            Expr::ILike { negated, any, expr, pattern, escape_char: None } if several(any, &pattern).is_some() => {
                let patterns = several(any, &pattern).unwrap_or_default();
                let value = self.expression(*expr, place);
                let patterns = patterns.into_iter().map(|pattern| self.expression(pattern, place)).collect();
                like_each("ilike", (negated, any), &value, patterns, at)
            }
            Expr::Like { negated, any: false, expr, pattern, escape_char } => {
                let escape = self.escape(escape_char);
                let inside = self.form("like", at, [*expr, *pattern].into_iter().chain(escape).collect(), place);
                negate(negated, inside)
            }
            Expr::ILike { negated, any: false, expr, pattern, escape_char } => {
                let escape = self.escape(escape_char);
                let inside = self.form("ilike", at, [*expr, *pattern].into_iter().chain(escape).collect(), place);
                negate(negated, inside)
            }
            Expr::RLike { negated, expr, pattern, .. } => {
                let inside = self.form("rlike", at, vec![*expr, *pattern], place);
                negate(negated, inside)
            }
            Expr::Extract { field, expr, .. } => {
                let value = self.expression(*expr, place);
                call("extract", at, vec![text(unit_name(&field)), value])
            }
            Expr::Position { expr, r#in } => self.form("position", at, vec![*expr, *r#in], place),
            Expr::Substring { expr, substring_from, substring_for, .. } => {
                let parts = std::iter::once(expr).chain(substring_from).chain(substring_for).map(|part| *part);
                self.form("substring", at, parts.collect(), place)
            }
            Expr::Trim { trim_where, trim_what, expr, trim_characters } => {
                let name = match trim_where {
                    Some(TrimWhereField::Leading) => "ltrim",
                    Some(TrimWhereField::Trailing) => "rtrim",
                    Some(TrimWhereField::Both) | None => "trim",
                };
                // Spark's own functions take the characters first, in either spelling.
                let parts = trim_what.into_iter().chain([expr]).map(|part| *part);
                let parts = parts.chain(trim_characters.into_iter().flatten());
                self.form(name, at, parts.collect(), place)
            }
            Expr::Ceil { expr, field } => {
                let digits = self.digits(field, at);
                self.form("ceil", at, std::iter::once(*expr).chain(digits).collect(), place)
            }
            Expr::Floor { expr, field } => {
                let digits = self.digits(field, at);
                self.form("floor", at, std::iter::once(*expr).chain(digits).collect(), place)
            }
            other => {
                let what = construct(&other);
                self.refused_value(what, at)
            }
        }
    }

    pub(super) fn refused_value(&mut self, what: &str, at: Option<Position>) -> Expr {
        self.refuse(what, at);
        null()
    }

    /// A call of a function that is spelt in its own way.
    pub(super) fn form(&mut self, name: &str, at: Option<Position>, parts: Vec<Expr>, place: Place<'_>) -> Expr {
        let arguments = parts.into_iter().map(|part| self.expression(part, place)).collect();
        call(name, at, arguments)
    }

    /// The escape character of LIKE, as one more argument.
    fn escape(&mut self, escape: Option<ValueWithSpan>) -> Option<Expr> {
        let escape = escape?;
        if string(&escape).is_none_or(|value| value.chars().count() != 1) {
            self.refuse("an escape that is not one character", position(escape.span));
            return None;
        }
        Some(Expr::Value(escape))
    }

    /// The number of digits of `ceil` and `floor`, as one more argument.
    fn digits(&mut self, field: CeilFloorKind, at: Option<Position>) -> Option<Expr> {
        match field {
            CeilFloorKind::DateTimeField(DateTimeField::NoDateTime) => None,
            CeilFloorKind::Scale(scale) => Some(Expr::Value(scale)),
            CeilFloorKind::DateTimeField(_) => {
                self.refuse("`ceil` or `floor` to a unit of time", at);
                None
            }
        }
    }

    fn literal(&mut self, value: ValueWithSpan) -> Expr {
        let at = position(value.span);
        match &value.value {
            Value::Number(number, long) => {
                let suffix = if *long { "L" } else { "" };
                call("number", at, vec![text(format!("{number}{suffix}"))])
            }
            Value::SingleQuotedString(_) | Value::DoubleQuotedString(_) => text(string(&value).unwrap_or_default()),
            Value::Boolean(_) | Value::Null => Expr::Value(value),
            Value::HexStringLiteral(_) => self.refused_value("a binary literal", at),
            Value::Placeholder(_) => self.refused_value("a parameter marker", at),
            _ => self.refused_value("this literal", at),
        }
    }

    fn interval(&mut self, interval: Interval, at: Option<Position>) -> Expr {
        let ranged = interval.last_field.is_some() || interval.leading_precision.is_some();
        let (sign, value) = match *interval.value {
            Expr::UnaryOp { op: UnaryOperator::Minus, expr } => ("-", *expr),
            value => ("", value),
        };
        let amount = match &value {
            Expr::Value(value) => match &value.value {
                Value::Number(number, false) => Some(number.clone()),
                _ => string(value),
            },
            _ => None,
        };
        let (false, Some(amount)) = (ranged, amount) else {
            return self.refused_value("an interval other than a number and a unit", at);
        };
        let unit = interval.leading_field.as_ref().map(unit_name).unwrap_or_default();
        call("interval", at, vec![text(format!("{sign}{amount}")), text(unit)])
    }

    fn unary(&mut self, op: UnaryOperator, operand: Expr, at: Option<Position>, place: Place<'_>) -> Expr {
        match op {
            UnaryOperator::Minus => match operand {
                // The sign belongs to the number: `-2147483648` is an int.
                Expr::Value(ValueWithSpan { value: Value::Number(number, long), .. }) => {
                    let suffix = if long { "L" } else { "" };
                    call("number", at, vec![text(format!("-{number}{suffix}"))])
                }
                operand => self.form("negative", at, vec![operand], place),
            },
            UnaryOperator::Plus => self.form("positive", at, vec![operand], place),
            UnaryOperator::Not | UnaryOperator::BangNot => self.form("not", at, vec![operand], place),
            UnaryOperator::BitwiseNot => self.form("~", at, vec![operand], place),
            op => self.refused_value(&format!("the operator `{op}`"), at),
        }
    }

    fn binary(&mut self, left: Expr, op: &BinaryOperator, right: Expr, place: Place<'_>) -> Expr {
        let (left_at, right_at) = (position(left.span()), position(right.span()));
        let at = between(left_at, right_at);
        let name = match op {
            BinaryOperator::Plus => "+",
            BinaryOperator::Minus => "-",
            BinaryOperator::Multiply => "*",
            BinaryOperator::Divide => "/",
            BinaryOperator::Modulo => "%",
            BinaryOperator::MyIntegerDivide => "div",
            BinaryOperator::StringConcat => "concat",
            BinaryOperator::Eq => "=",
            BinaryOperator::NotEq => "<>",
            BinaryOperator::Lt => "<",
            BinaryOperator::LtEq => "<=",
            BinaryOperator::Gt => ">",
            BinaryOperator::GtEq => ">=",
            BinaryOperator::Spaceship => "<=>",
            BinaryOperator::And => "and",
            BinaryOperator::Or => "or",
            BinaryOperator::BitwiseAnd => "&",
            BinaryOperator::BitwiseOr => "|",
            BinaryOperator::BitwiseXor => "^",
            other => return self.refused_value(&format!("the operator `{other}`"), at),
        };
        if matches!(name, "and" | "or") {
            let terms = chain(left, op, right);
            return self.form(name, at, terms, place);
        }
        self.form(name, at, vec![left, right], place)
    }

    fn subquery(&mut self, mut expression: Expr, at: Option<Position>, place: Place<'_>) -> Expr {
        let query: &mut Query = match &mut expression {
            Expr::Subquery(query) => query,
            Expr::Exists { subquery, .. } => {
                self.query(subquery);
                return expression;
            }
            Expr::InSubquery { subquery, .. } => subquery,
            _ => return expression,
        };
        let columns = self.query(query);
        if columns.len() > 1 {
            let message = format!("a subquery of {} columns stands where one value is expected", columns.len());
            self.error(SqlError::mismatch(message).at(at));
        }
        if let Expr::InSubquery { expr, .. } = &mut expression {
            let value = super::take(expr);
            **expr = self.expression(value, place);
        }
        expression
    }
}

/// The whole of a binary operation, when it stands on one line.
fn between(left: Option<Position>, right: Option<Position>) -> Option<Position> {
    match (left, right) {
        (Some(left), Some(right)) if left.line == right.line && right.column >= left.column => {
            Some(Position { length: right.column + right.length - left.column, ..left })
        }
        (left, right) => left.or(right),
    }
}

/// `value like any (a, b)` is `value like a or value like b`, and with `all` it is `and`; NOT belongs to each.
fn like_each(
    name: &str,
    (negated, any): (bool, bool),
    value: &Expr,
    patterns: Vec<Expr>,
    at: Option<Position>,
) -> Expr {
    let term = |pattern: Expr| {
        let term = call(name, at, vec![value.clone(), pattern]);
        if negated { call("not", at, vec![term]) } else { term }
    };
    let mut terms: Vec<Expr> = patterns.into_iter().map(term).collect();
    match (terms.len(), terms.pop()) {
        (1, Some(term)) => term,
        (_, last) => {
            terms.extend(last);
            call(if any { "or" } else { "and" }, at, terms)
        }
    }
}

/// The patterns of `LIKE ANY (...)` and `LIKE ALL (...)`.
fn several(any: bool, pattern: &Expr) -> Option<Vec<Expr>> {
    match pattern {
        Expr::Tuple(patterns) if any => Some(patterns.clone()),
        Expr::Nested(pattern) if any => Some(vec![pattern.as_ref().clone()]),
        Expr::Function(function) if !any && function.name.to_string().eq_ignore_ascii_case("all") => {
            let FunctionArguments::List(list) = &function.args else { return None };
            let patterns = list.args.iter().map(|argument| match argument {
                FunctionArg::Unnamed(FunctionArgExpr::Expr(pattern)) => Some(pattern.clone()),
                _ => None,
            });
            patterns.collect()
        }
        _ => None,
    }
}

/// The terms of a chain of one operator: `a or b or c` has three. A chain of thousands would nest as deep otherwise.
fn chain(left: Expr, op: &BinaryOperator, right: Expr) -> Vec<Expr> {
    let mut terms = vec![right];
    let mut rest = left;
    loop {
        match rest {
            Expr::BinaryOp { left, op: inner, right } if inner == *op => {
                terms.push(*right);
                rest = *left;
            }
            first => {
                terms.push(first);
                terms.reverse();
                return terms;
            }
        }
    }
}

fn string(value: &ValueWithSpan) -> Option<String> {
    match &value.value {
        Value::SingleQuotedString(raw) => Some(unescape(raw, '\'')),
        Value::DoubleQuotedString(raw) => Some(unescape(raw, '"')),
        _ => None,
    }
}

/// A unit of time as the functions know it: `DAY`, `MONTH`.
pub(super) fn unit_name(field: &DateTimeField) -> String {
    field.to_string().to_uppercase()
}

fn construct(expression: &Expr) -> &'static str {
    match expression {
        Expr::JsonAccess { .. } => "`:`, the path into a variant,",
        Expr::Array(_) => "an array literal",
        Expr::Named { .. } => "a name inside an expression",
        Expr::Map(_) | Expr::Dictionary(_) => "a map literal",
        Expr::Tuple(_) => "a row of several values",
        Expr::AtTimeZone { .. } => "`AT TIME ZONE`",
        Expr::Collate { .. } => "`COLLATE`",
        Expr::Overlay { .. } => "`OVERLAY`",
        Expr::AnyOp { .. } | Expr::AllOp { .. } => "a comparison with `ANY` or `ALL`",
        Expr::Like { .. } | Expr::ILike { .. } => "`LIKE ANY`",
        Expr::SimilarTo { .. } => "`SIMILAR TO`",
        Expr::Rollup(_) | Expr::Cube(_) | Expr::GroupingSets(_) => "a grouping set here",
        Expr::Wildcard(_) | Expr::QualifiedWildcard(..) => "`*` here",
        Expr::Prefixed { .. } => "this literal's prefix",
        _ => "this expression",
    }
}
