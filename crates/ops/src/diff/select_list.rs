//! Which columns of two queries differ, as far as their texts tell.
//!
//! Two queries that are equal but for their select lists differ in the columns whose items differ. So do two that are
//! equal but for the select list of the one common table expression that the whole query gives as it is (`select * from
//! final`), which is how many write their models. All others may differ in every column and in their rows.

use std::collections::{BTreeMap, BTreeSet};

use datafusion::sql::sqlparser::ast::{Query, Select, SelectItem, SetExpr, Statement, TableFactor};
use datafusion::sql::sqlparser::dialect::DatabricksDialect;
use datafusion::sql::sqlparser::parser::Parser;

/// Where two queries differ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Differs {
    /// In how they are written alone.
    Nowhere,
    /// In these columns, in lower case.
    In(BTreeSet<String>),
    /// Perhaps everywhere.
    Everywhere,
}

/// Compares two queries.
pub(super) fn compare(before: &str, now: &str) -> Differs {
    let (Some(mut before), Some(mut now)) = (parse(before), parse(now)) else { return Differs::Everywhere };
    if before == now {
        return Differs::Nowhere;
    }
    let (old, new) = (take_items(&mut before.body), take_items(&mut now.body));
    if before == now
        && let (Some(old), Some(new)) = (old.as_deref(), new.as_deref())
    {
        return items(old, new);
    }
    let (Some(old), Some(new)) = (old, new) else { return Differs::Everywhere };
    let (is_passed_on, name) = (is_everything(&old) && is_everything(&new), only_table(&now.body));
    match name {
        Some(name) if is_passed_on => of_expression(&mut before, &mut now, &name),
        _ => Differs::Everywhere,
    }
}

fn parse(sql: &str) -> Option<Query> {
    let mut statements = Parser::parse_sql(&DatabricksDialect {}, sql).ok()?;
    match (statements.pop(), statements.is_empty()) {
        (Some(Statement::Query(query)), true) => Some(*query),
        _ => None,
    }
}

fn select_of(body: &mut SetExpr) -> Option<&mut Select> {
    match body {
        SetExpr::Select(select) => Some(select),
        SetExpr::Query(query) => select_of(&mut query.body),
        _ => None,
    }
}

/// The items of the select list, which is empty then.
fn take_items(body: &mut SetExpr) -> Option<Vec<SelectItem>> {
    select_of(body).map(|select| std::mem::take(&mut select.projection))
}

fn is_everything(items: &[SelectItem]) -> bool {
    matches!(items, [SelectItem::Wildcard(_)])
}

/// The one table that a query reads as it is.
fn only_table(body: &SetExpr) -> Option<String> {
    let SetExpr::Select(select) = body else { return None };
    let [from] = select.from.as_slice() else { return None };
    match &from.relation {
        TableFactor::Table { name, .. } if from.joins.is_empty() && select.selection.is_none() => {
            Some(name.to_string())
        }
        _ => None,
    }
}

/// Compares the common table expression of that name, if all else is equal.
fn of_expression(before: &mut Query, now: &mut Query, name: &str) -> Differs {
    let take = |query: &mut Query| {
        let tables = &mut query.with.as_mut()?.cte_tables;
        let table = tables.iter_mut().find(|table| table.alias.name.value.eq_ignore_ascii_case(name))?;
        take_items(&mut table.query.body)
    };
    let (old, new) = (take(before), take(now));
    match (old, new) {
        (Some(old), Some(new)) if before == now => items(&old, &new),
        _ => Differs::Everywhere,
    }
}

/// Compares two select lists by the names of their columns.
fn items(old: &[SelectItem], new: &[SelectItem]) -> Differs {
    let (Some(old), Some(new)) = (named(old), named(new)) else { return Differs::Everywhere };
    let names: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    let differ = names.into_iter().filter(|name| old.get(*name) != new.get(*name)).cloned();
    let differ: BTreeSet<String> = differ.collect();
    if differ.is_empty() { Differs::Nowhere } else { Differs::In(differ) }
}

/// Each column's expression; none where a name is not plain to see.
fn named(items: &[SelectItem]) -> Option<BTreeMap<String, String>> {
    let mut named = BTreeMap::new();
    for item in items {
        let (name, expression) = match item {
            SelectItem::ExprWithAlias { expr, alias } => (alias.value.clone(), expr.to_string()),
            SelectItem::UnnamedExpr(expr) => {
                let text = expr.to_string();
                let name = text.rsplit('.').next().unwrap_or(&text).trim_matches('`').to_owned();
                (name, text)
            }
            _ => return None,
        };
        named.insert(name.to_lowercase(), expression);
    }
    Some(named)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn in_columns(names: &[&str]) -> Differs {
        Differs::In(names.iter().map(|name| (*name).to_owned()).collect())
    }

    #[test]
    fn columns_are_told_where_only_they_differ() {
        for (before, now, expected) in [
            ("select a, b from t", "SELECT a,   b FROM t -- the same", Differs::Nowhere),
            ("select a, b + 1 as c from t", "select a, b + 2 as c from t", in_columns(&["c"])),
            ("select a from t", "select a, t.b from t", in_columns(&["b"])),
            ("select a from t", "select a from t where a > 1", Differs::Everywhere),
            (
                "with x as (select a, b from t), final as (select a, b as c from x) select * from final",
                "with x as (select a, b from t), final as (select a, -b as c from x) select * from final",
                in_columns(&["c"]),
            ),
            (
                "with x as (select a from t), final as (select a from x) select * from final",
                "with x as (select a from t limit 1), final as (select a from x) select * from final",
                Differs::Everywhere,
            ),
            ("select * from t", "select * from u", Differs::Everywhere),
            ("no query", "select 1", Differs::Everywhere),
        ] {
            assert_eq!(compare(before, now), expected, "{before} / {now}");
        }
    }
}
