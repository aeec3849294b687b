//! Function calls, with their DISTINCT, FILTER and OVER.

use datafusion::sql::sqlparser::ast::{
    DuplicateTreatment, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArgumentClause, FunctionArgumentList,
    FunctionArguments, Ident, NamedWindowExpr, ObjectName, OrderByOptions, Spanned, Value, WindowFrameBound,
    WindowFrameUnits, WindowSpec, WindowType,
};
use headwater_plan::Code;

use super::expression::Place;
use super::{Resolver, null, take};
use crate::error::{Position, SqlError};
use crate::functions::{self, Kind};
use crate::marker::{marked, text};
use crate::parse::position;
use crate::typing::call::wrong_count;

/// Functions whose first argument is a unit of time, written as a plain word.
const UNIT_FIRST: &[&str] = &["timestampdiff", "timestampadd", "datediff", "date_diff", "dateadd", "date_add"];

/// Spark sorts nulls as the smallest values.
pub(super) fn spark_nulls(options: &mut OrderByOptions) {
    options.nulls_first = options.nulls_first.or(options.asc).or(Some(true));
}

impl Resolver<'_> {
    pub(super) fn function(&mut self, mut function: Function, place: Place<'_>) -> Expr {
        let at = position(function.name.span());
        let written = function.name.to_string();
        let name = written.trim_matches('`').to_lowercase();
        let Some(known) = functions::find(&name).filter(|known| known.is_called_by_name()) else {
            self.error(functions::unknown(&name, at));
            // What is wrong inside it is worth knowing too.
            self.arguments(&name, &mut function, at, place);
            return null();
        };
        if matches!(known.kind, Kind::Generator(_)) {
            let message = format!("`{name}` makes rows, so it stands alone in the SELECT list or in `LATERAL VIEW`");
            self.error(SqlError::new(Code::SqlSyntax, message).at(at));
            return null();
        }
        let windowed = function.over.is_some();
        let is_aggregate = matches!(known.kind, Kind::Aggregate(_)) && !windowed;
        self.check_place(known, windowed, at, place);
        let errors = self.errors.len();
        let inside = if is_aggregate { place.inside_aggregate() } else { place };
        let inside = if windowed {
            Place { windows: false, clause: "a window function", aliases_first: false, ..inside }
        } else {
            inside
        };
        self.arguments(&name, &mut function, at, inside);
        if let FunctionArguments::List(list) = &function.args
            && self.errors.len() == errors
            && let Some(error) = wrong_count(known, list.args.len())
        {
            self.error(error.at(at));
        }
        if let Some(filter) = &mut function.filter {
            let filter_at = position(filter.span());
            let condition = self.expression(take(filter), Place::scalar("FILTER"));
            **filter = crate::marker::call("condition", filter_at, vec![condition]);
        }
        if !function.within_group.is_empty() {
            self.within_group(&name, &mut function, at, inside);
        }
        if let Some(window) = function.over.take() {
            let spec = self.window(window, inside, at);
            let ranks = matches!(known.kind, Kind::Window(_)) && name != "nth_value";
            if ranks && spec.as_ref().is_some_and(|spec| spec.order_by.is_empty()) {
                let message = format!("`{name}` needs an `ORDER BY` in its window");
                let help = format!("write `{name}(...) over (order by ...)`");
                self.error(SqlError::new(Code::SqlSyntax, message).at(at).help(help));
            }
            function.over = spec.map(WindowType::WindowSpec);
        }
        // DataFusion names a window function's column by the function alone, so its place is not carried.
        let place_carried = at.filter(|_| !matches!(known.kind, Kind::Window(_)));
        function.name = ObjectName::from(vec![Ident::with_quote('`', marked(&name, place_carried))]);
        Expr::Function(function)
    }

    fn check_place(
        &mut self,
        called: &'static functions::Function,
        windowed: bool,
        at: Option<Position>,
        place: Place<'_>,
    ) {
        let (name, clause) = (called.name, place.clause);
        let wrong = match called.kind {
            Kind::Scalar(_) if windowed => {
                Some((format!("`{name}` is not a window function, so it takes no `OVER`"), None))
            }
            Kind::Window(_) if !windowed => Some((format!("`{name}` needs `OVER (...)`"), None)),
            // It filters what groups have become; aliases of the SELECT list stand for their aggregate functions.
            Kind::Aggregate(_) if !windowed && place.qualifies => {
                let help = "give it an alias in the SELECT list, or use `HAVING`, which filters groups".to_owned();
                Some((format!("the aggregate function `{name}` cannot stand in `QUALIFY`"), Some(help)))
            }
            Kind::Aggregate(_) if !windowed && !place.aggregates => {
                let help = (clause == "WHERE").then(|| "use `HAVING`, which filters groups".to_owned());
                Some((format!("the aggregate function `{name}` cannot stand in {}", shown(clause)), help))
            }
            _ if windowed && !place.windows => {
                let help = (clause == "WHERE" || clause == "HAVING")
                    .then(|| "use `QUALIFY`, which filters after window functions".to_owned());
                Some((format!("the window function `{name}` cannot stand in {}", shown(clause)), help))
            }
            _ => None,
        };
        if let Some((message, help)) = wrong {
            self.error(SqlError::new(Code::SqlSyntax, message).at(at).help_if(help));
        }
    }

    /// Resolves a call's arguments in place.
    fn arguments(&mut self, name: &str, function: &mut Function, at: Option<Position>, place: Place<'_>) {
        if !matches!(function.parameters, FunctionArguments::None) {
            self.refuse("a function with parameters", at);
        }
        let list = match std::mem::replace(&mut function.args, FunctionArguments::None) {
            FunctionArguments::List(list) => list,
            FunctionArguments::None => {
                FunctionArgumentList { duplicate_treatment: None, args: Vec::new(), clauses: Vec::new() }
            }
            FunctionArguments::Subquery(_) => {
                self.refuse("a subquery as a function's arguments", at);
                return;
            }
        };
        let FunctionArgumentList { mut duplicate_treatment, args, clauses } = list;
        for clause in clauses {
            match clause {
                FunctionArgumentClause::IgnoreOrRespectNulls(nulls) => function.null_treatment = Some(nulls),
                other => self.refuse(&format!("`{other}` inside a function call"), at),
            }
        }
        if matches!(duplicate_treatment, Some(DuplicateTreatment::All)) {
            duplicate_treatment = None;
        }
        let takes_functions = functions::find(name).is_none_or(|known| matches!(known.kind, Kind::Lambda(_)));
        let unit_first = UNIT_FIRST.contains(&name) && args.len() == 3;
        let mut resolved = Vec::with_capacity(args.len());
        for (index, argument) in args.into_iter().enumerate() {
            let expression = match argument {
                FunctionArg::Unnamed(FunctionArgExpr::Expr(Expr::Identifier(unit))) if unit_first && index == 0 => {
                    text(unit.value.to_uppercase())
                }
                FunctionArg::Unnamed(FunctionArgExpr::Expr(Expr::Lambda(lambda))) if takes_functions => {
                    self.lambda(lambda, place)
                }
                FunctionArg::Unnamed(FunctionArgExpr::Expr(expression)) => self.expression(expression, place),
                // `count(*)` counts rows, as `count(1)` does.
                FunctionArg::Unnamed(FunctionArgExpr::Wildcard) if name == "count" => {
                    crate::marker::call("number", at, vec![text("1")])
                }
                FunctionArg::Unnamed(_) => {
                    self.refuse(&format!("`*` as an argument of `{name}`"), at);
                    continue;
                }
                FunctionArg::Named { .. } | FunctionArg::ExprNamed { .. } => {
                    self.refuse("an argument by name", at);
                    continue;
                }
            };
            resolved.push(FunctionArg::Unnamed(FunctionArgExpr::Expr(expression)));
        }
        function.args =
            FunctionArguments::List(FunctionArgumentList { duplicate_treatment, args: resolved, clauses: Vec::new() });
    }

    /// `WITHIN GROUP (ORDER BY value)` becomes two more arguments: the value, and which way it is sorted.
    fn within_group(&mut self, name: &str, function: &mut Function, at: Option<Position>, place: Place<'_>) {
        let keys = std::mem::take(&mut function.within_group);
        let known = functions::ordered::WITHIN_GROUP.contains(&name);
        let (true, [key]) = (known, keys.as_slice()) else {
            let what = if known { "`WITHIN GROUP` with several keys" } else { "`WITHIN GROUP` with this function" };
            self.refuse(what, at);
            return;
        };
        let mut options = key.options;
        spark_nulls(&mut options);
        let descending = options.asc == Some(false);
        if options.nulls_first == Some(descending) {
            self.refuse("`NULLS FIRST` or `NULLS LAST` in `WITHIN GROUP`", at);
        }
        let value = self.expression(key.expr.clone(), place);
        if let FunctionArguments::List(list) = &mut function.args {
            let direction = text(if descending { "desc" } else { "asc" });
            let more = [value, direction];
            list.args.extend(more.map(|expression| FunctionArg::Unnamed(FunctionArgExpr::Expr(expression))));
        }
    }

    /// The definition of a window with its names resolved; a named one is put in place.
    fn window(&mut self, window: WindowType, place: Place<'_>, at: Option<Position>) -> Option<WindowSpec> {
        let mut spec = match window {
            WindowType::WindowSpec(spec) => match spec.window_name.clone() {
                Some(name) => {
                    self.refuse(&format!("a window that extends the window `{}`", name.value), at);
                    return None;
                }
                None => spec,
            },
            WindowType::NamedWindow(name) => self.named_window(&name)?,
        };
        spec.window_name = None;
        let place = Place { windows: false, clause: "a window's definition", ..place };
        for key in &mut spec.partition_by {
            *key = self.expression(take(key), place);
        }
        for sort in &mut spec.order_by {
            spark_nulls(&mut sort.options);
            sort.expr = self.expression(take(&mut sort.expr), place);
        }
        if let Some(frame) = &spec.window_frame {
            if frame.units == WindowFrameUnits::Groups {
                self.refuse("a frame of `GROUPS`", at);
                return None;
            }
            let bounds = std::iter::once(&frame.start_bound).chain(&frame.end_bound);
            for bound in bounds {
                if let WindowFrameBound::Preceding(Some(offset)) | WindowFrameBound::Following(Some(offset)) = bound
                    && !is_whole_number(offset)
                {
                    self.refuse("a frame whose bound is not a whole number", position(offset.span()).or(at));
                    return None;
                }
            }
        }
        Some(spec)
    }

    fn named_window(&mut self, name: &Ident) -> Option<WindowSpec> {
        let definitions = self.windows.last();
        let found = definitions.and_then(|definitions| {
            definitions.iter().find(|definition| definition.0.value.eq_ignore_ascii_case(&name.value))
        });
        match found.map(|definition| definition.1.clone()) {
            Some(NamedWindowExpr::WindowSpec(spec)) => Some(spec),
            Some(NamedWindowExpr::NamedWindow(_)) => {
                self.refuse("a window that is another window", position(name.span));
                None
            }
            None => {
                let message = format!("there is no window `{}`", name.value);
                let help = "define it after the other clauses: `WINDOW name AS (...)`";
                self.error(SqlError::new(Code::SqlSyntax, message).at(position(name.span)).help(help));
                None
            }
        }
    }
}

fn is_whole_number(expression: &Expr) -> bool {
    matches!(expression, Expr::Value(value)
        if matches!(&value.value, Value::Number(text, false) if text.parse::<u32>().is_ok()))
}

/// A clause's name in a message: SQL words in backticks.
pub(super) fn shown(clause: &str) -> String {
    let is_sql = clause.chars().all(|character| character.is_ascii_uppercase() || character == ' ');
    if is_sql { format!("`{clause}`") } else { clause.to_owned() }
}
