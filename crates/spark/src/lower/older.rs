//! Queries for Sparks that lack what the newest has: two quotes in a text, which are escaped, and `QUALIFY`, which becomes a
//! query around the query, with the condition as a column of the inner one.
//!
//! Risk: a name in the condition that means another column than it does in Spark 4, which looks at FROM first and at the
//! SELECT list's aliases then. Spark 3's lateral aliases do the same, so the condition stands behind the list it may refer
//! to. What those cannot do (an alias inside of `OVER (…)`) fails when the query is analysed.

use super::scan::{Kind, Token, tokens};

const KEPT: &str = "__headwater_kept";
const ROW: &str = "__headwater_row";

/// What may follow the clause, at its depth.
const ENDS: &[&str] =
    &["order", "limit", "offset", "union", "except", "intersect", "minus", "cluster", "distribute", "sort", "fetch"];
/// What no expression begins with: before one of these, `qualify` is a name.
const NO_EXPRESSION: &[&str] = &[
    "from", "where", "group", "having", "join", "inner", "left", "right", "full", "cross", "lateral", "on", "using",
    "as", "and", "or", "is", "in", "like", "between", "asc", "desc", "window", "then", "else", "end", "when",
];
/// What `qualify` is a name after.
const BEFORE_NAMES: &[&str] = &[
    "select", "distinct", "all", "as", "from", "join", "on", "where", "by", "and", "or", "not", "having", "when",
    "then", "else", "case", "in", "like", "between", "with", "set",
];

/// A query that means the same to a Spark that has no `QUALIFY`, nor two quotes for one: to Spark 3, `'it''s'` is two texts
/// side by side, `its`.
pub(super) fn rewritten(sql: &str) -> String {
    let mut sql = with_escaped_quotes(sql);
    // Each step takes one away; what cannot be rewritten is left for Spark to refuse.
    while let Some(next) = without_qualify(&sql) {
        sql = next;
    }
    sql
}

fn with_escaped_quotes(sql: &str) -> String {
    let mut written = String::with_capacity(sql.len());
    let mut end = 0;
    for pair in tokens(sql).windows(2) {
        let [one, other] = pair else { continue };
        let quote = one.text(sql).chars().next();
        let is_text = one.kind == Kind::Literal && quote.is_some_and(|quote| ['\'', '"'].contains(&quote));
        if is_text
            && other.kind == Kind::Literal
            && one.at.end == other.at.start
            && other.text(sql).chars().next() == quote
        {
            written.push_str(sql.get(end..one.at.end - 1).unwrap_or_default());
            written.push('\\');
            end = other.at.start;
        }
    }
    written + sql.get(end..).unwrap_or_default()
}

fn without_qualify(sql: &str) -> Option<String> {
    let tokens = tokens(sql);
    (0..tokens.len()).filter(|at| is_clause(sql, &tokens, *at)).find_map(|at| Clause::of(sql, &tokens, at)?.rewritten())
}

fn is_clause(sql: &str, tokens: &[Token], at: usize) -> bool {
    if !tokens[at].is(sql, &["qualify"]) {
        return false;
    }
    let before = at.checked_sub(1).and_then(|before| tokens.get(before));
    let follows_operand = before.is_some_and(|it| match it.kind {
        Kind::Symbol => it.is_symbol(sql, ")") || it.is_symbol(sql, "]"),
        _ => !it.is(sql, BEFORE_NAMES),
    });
    let precedes_operand = tokens.get(at + 1).is_some_and(|it| match it.kind {
        Kind::Symbol => ["(", "-", "+", "~", "!"].contains(&it.text(sql)),
        _ => !it.is(sql, NO_EXPRESSION) && !it.is(sql, ENDS),
    });
    follows_operand && precedes_operand
}

/// A SELECT with the clause.
struct Clause<'a> {
    sql: &'a str,
    /// `SELECT`.
    select: &'a Token,
    /// Whether equal rows are left out, after the condition.
    distinct: bool,
    /// What is selected.
    items: Vec<&'a [Token]>,
    /// From `FROM` to before `QUALIFY`.
    from: &'a str,
    condition: &'a str,
    /// A WINDOW clause behind it.
    windows: &'a str,
    /// Where all of that ends.
    end: usize,
}

impl<'a> Clause<'a> {
    fn of(sql: &'a str, tokens: &'a [Token], at: usize) -> Option<Self> {
        let qualify = &tokens[at];
        let depth = qualify.depth;
        let begin = (0..at).rev().take_while(|before| tokens[*before].depth >= depth);
        let begin =
            begin.filter(|before| tokens[*before].depth == depth).find(|it| tokens[*it].is(sql, &["select"]))?;
        let from = (begin..at).find(|it| tokens[*it].depth == depth && tokens[*it].is(sql, &["from"]))?;
        let ends = |it: &usize, words: &[&str]| {
            let token = &tokens[*it];
            token.depth < depth || (token.depth == depth && (token.is(sql, words) || token.is_symbol(sql, ";")))
        };
        let place = |it: usize| tokens.get(it).map_or(sql.len(), |token| token.at.start);
        let end = (at + 1..tokens.len()).find(|it| ends(it, ENDS)).unwrap_or(tokens.len());
        let windows = (at + 1..end).find(|it| ends(it, &["window"])).unwrap_or(end);
        let is_modifier = tokens[begin + 1].is(sql, &["distinct", "all"]);
        let items = tokens.get(begin + 1 + usize::from(is_modifier)..from)?;
        let (end, windows) = (place(end), place(windows));
        Some(Self {
            sql,
            select: &tokens[begin],
            distinct: tokens[begin + 1].is(sql, &["distinct"]),
            items: items.split(|token| token.depth == depth && token.is_symbol(sql, ",")).collect(),
            from: sql.get(tokens[from].at.start..qualify.at.start)?,
            condition: sql.get(qualify.at.end..windows)?.trim_end(),
            windows: sql.get(windows..end)?,
            end,
        })
    }

    fn text(&self, tokens: &[Token]) -> &'a str {
        match (tokens.first(), tokens.last()) {
            (Some(first), Some(last)) => self.sql.get(first.at.start..last.at.end).unwrap_or_default(),
            _ => "",
        }
    }

    /// An item's name, where it is plain to see, and what it names if that is more than a column.
    fn named(&self, item: &'a [Token]) -> Option<(&'a str, &'a [Token])> {
        let is_name = |token: &Token| matches!(token.kind, Kind::Word | Kind::Quoted);
        match item {
            [value @ .., word, name] if word.is(self.sql, &["as"]) && is_name(name) => {
                Some((name.text(self.sql), value))
            }
            [path @ .., name] if is_name(name) => {
                let parts = path.chunks(2);
                let is_path = |part: &[Token]| matches!(part, [it, dot] if is_name(it) && dot.is_symbol(self.sql, "."));
                parts.clone().all(is_path).then(|| (name.text(self.sql), &[][..]))
            }
            _ => None,
        }
    }

    fn rewritten(&self) -> Option<String> {
        let items: Vec<&str> = self.items.iter().map(|item| self.text(item)).collect();
        let named: Vec<_> = self.items.iter().map(|item| self.named(item)).collect();
        let names: Option<Vec<&str>> = named.iter().map(|item| item.map(|(name, _)| name)).collect();
        let mut apart: Vec<String> = names.iter().flatten().map(|name| name.to_lowercase()).collect();
        apart.sort();
        apart.dedup();
        let names = names.filter(|names| names.len() == apart.len());
        let (outer, inner) = match names {
            Some(names) => (names.join(", "), items.join(", ")),
            // `*` gives names that are not known here. The list's aliases stand beside the row for the condition.
            None => {
                let aliases = named.iter().flatten().filter(|(_, value)| !value.is_empty());
                let aliases: Vec<String> =
                    aliases.map(|(name, value)| format!(", {} AS {name}", self.text(value))).collect();
                (format!("{ROW}.*"), format!("struct({}) AS {ROW}{}", items.join(", "), aliases.concat()))
            }
        };
        let distinct = if self.distinct { "DISTINCT " } else { "" };
        let (before, after) = (self.sql.get(..self.select.at.start)?, self.sql.get(self.end..)?);
        Some(format!(
            "{before}SELECT {distinct}{outer} FROM (SELECT {inner}, ({}\n) AS {KEPT} {}{}\n) WHERE {KEPT} {after}",
            self.condition.trim(),
            self.from,
            self.windows
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::rewritten;

    fn line(sql: &str) -> String {
        rewritten(sql).split_whitespace().collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn names_that_can_be_seen_are_selected_around_it() {
        assert_eq!(
            line(
                "select id, t.`a b`, v + 1 as w -- one\nfrom t where v > 0 qualify row_number() over (order by v) = 1 order by id"
            ),
            "SELECT id, `a b`, w FROM (SELECT id, t.`a b`, v + 1 as w, (row_number() over (order by v) = 1 ) AS __headwater_kept \
             from t where v > 0 ) WHERE __headwater_kept order by id"
        );
    }

    #[test]
    fn a_star_becomes_a_row_and_aliases_stand_beside_it() {
        assert_eq!(
            line(
                "with a as (select *, rank() over w as n from t qualify n = 1 window w as (order by v)) select * from a"
            ),
            "with a as (SELECT __headwater_row.* FROM (SELECT struct(*, rank() over w as n) AS __headwater_row, rank() over w AS n, \
             (n = 1 ) AS __headwater_kept from t window w as (order by v) ) WHERE __headwater_kept ) select * from a"
        );
    }

    #[test]
    fn equal_rows_are_left_out_after_the_condition() {
        let found = line("select distinct g from t qualify count(*) over (partition by g) > 1 union all select 1");
        assert_eq!(
            found,
            "SELECT DISTINCT g FROM (SELECT g, (count(*) over (partition by g) > 1 ) AS __headwater_kept from t ) \
             WHERE __headwater_kept union all select 1"
        );
    }

    #[test]
    fn each_of_several_is_rewritten() {
        let found = rewritten(
            "select a from (select a, b from t qualify rank() over (order by b) = 1) qualify count(*) over () > 1",
        );
        assert!(!found.to_lowercase().contains("qualify"), "{found}");
        assert_eq!(found.matches("WHERE __headwater_kept").count(), 2, "{found}");
    }

    #[test]
    fn two_quotes_are_one_that_is_escaped() {
        let sql = r#"select 'o''neil', '''', 'a' 'b', "x""y" from t"#;
        assert_eq!(rewritten(sql), r#"select 'o\'neil', '\'', 'a' 'b', "x\"y" from t"#);
    }

    #[test]
    fn a_name_or_a_text_stays() {
        for sql in [
            "select qualify from t",
            "select a as qualify, 'x qualify (1)' from t",
            "select t.qualify, a qualify from t",
            "select 1 -- from t qualify (1)\nfrom t qualify where a",
            "select `qualify` from qualify join b on qualify = 1",
        ] {
            assert_eq!(rewritten(sql), sql);
        }
    }
}
