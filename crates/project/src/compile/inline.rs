//! Relations that are put into the queries that read them: ephemeral models, and the rows that a unit test gives.
//!
//! While a query is typed it names them like any table, so that its errors keep their places; only what an engine
//! executes has them as common table expressions, as dbt writes it.

use headwater_plan::TableName;

/// A relation as a common table expression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Inlined {
    /// The relation that it stands for.
    pub(super) relation: TableName,
    /// The name of the expression.
    pub(super) name: String,
    /// Its query, in which what it reads itself is named already.
    pub(super) sql: String,
}

/// The query with the relations in it, each once and after those that it reads.
pub(super) fn inline(sql: &str, inlined: &[Inlined]) -> String {
    if inlined.is_empty() {
        return sql.to_owned();
    }
    let named = name_all(sql, inlined);
    let expressions: Vec<String> =
        inlined.iter().map(|one| format!("`{}` as (\n{}\n)", one.name, one.sql.trim())).collect();
    let expressions = expressions.join(", ");
    match with_clause(&named) {
        Some(end) => format!("{} {expressions},{}", &named[..end], &named[end..]),
        None => format!("with {expressions}\n{named}"),
    }
}

/// The query with the relations' names replaced by those of their expressions.
pub(super) fn name_all(sql: &str, inlined: &[Inlined]) -> String {
    inlined.iter().fold(sql.to_owned(), |sql, one| sql.replace(&one.relation.quoted(), &format!("`{}`", one.name)))
}

/// The end of the word `with` that the query begins with, if it does.
fn with_clause(sql: &str) -> Option<usize> {
    let mut position = 0;
    loop {
        let rest = &sql[position..];
        let blank = rest.len() - rest.trim_start().len();
        let rest = rest.trim_start();
        if let Some(comment) = rest.strip_prefix("--") {
            position += blank + 2 + comment.find('\n').map_or(comment.len(), |end| end + 1);
        } else if let Some(comment) = rest.strip_prefix("/*") {
            position += blank + 2 + comment.find("*/").map_or(comment.len(), |end| end + 2);
        } else {
            let word = rest.get(..4)?;
            let ends = rest[4..].chars().next().is_none_or(|c| !c.is_alphanumeric() && c != '_');
            return (word.eq_ignore_ascii_case("with") && ends).then_some(position + blank + 4);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(name: &str, sql: &str) -> Inlined {
        Inlined { relation: TableName::new("main", name), name: format!("__dbt__cte__{name}"), sql: sql.to_owned() }
    }

    #[test]
    fn a_query_without_expressions_gets_them_in_front() {
        let sql = inline("select * from `main`.`a`", &[one("a", "select 1 as x")]);
        assert_eq!(sql, "with `__dbt__cte__a` as (\nselect 1 as x\n)\nselect * from `__dbt__cte__a`");
    }

    #[test]
    fn a_query_with_expressions_keeps_them_behind() {
        let sql = inline(
            "-- of orders\n/* x */ WITH b as (select * from `main`.`a`) select * from b",
            &[one("a", "select 1")],
        );
        let expected = "-- of orders\n/* x */ WITH `__dbt__cte__a` as (\nselect 1\n), b as (select * from `__dbt__cte__a`) \
                        select * from b";
        assert_eq!(sql, expected);
    }

    #[test]
    fn a_word_that_begins_like_with_is_none() {
        assert_eq!(inline("withdraw", &[one("a", "select 1")]), "with `__dbt__cte__a` as (\nselect 1\n)\nwithdraw");
    }
}
