//! What the texts of a statement call its table.
//!
//! The queries of a change read some of a table's files under another name than the table's, with the name that the
//! statement has for it as their alias. A statement without an alias may also write the whole name before a column,
//! `schema.table.column`, which an alias cannot stand for; there the schema is left out.

use std::borrow::Cow;

use headwater_plan::TableName;

use crate::incremental::quoted;

/// The name of a table in a statement.
pub(super) struct Naming {
    /// As an alias, quoted.
    pub(super) alias: String,
    /// The table, if it has no other name.
    unaliased: Option<TableName>,
}

impl Naming {
    pub(super) fn of(table: &TableName, alias: Option<&str>) -> Self {
        let unaliased = alias.is_none().then(|| table.clone());
        Self { alias: quoted(alias.unwrap_or(&table.name)), unaliased }
    }

    /// A column of the table.
    pub(super) fn column(&self, name: &str) -> String {
        format!("{}.{}", self.alias, quoted(name))
    }

    /// A text of the statement, with names that the alias stands for.
    pub(super) fn text<'a>(&self, text: &'a str) -> Cow<'a, str> {
        match &self.unaliased {
            Some(table) => without_schema(text, table, &self.alias),
            None => Cow::Borrowed(text),
        }
    }
}

/// The text with `schema.table.` as the alias, outside of literals.
fn without_schema<'a>(text: &'a str, table: &TableName, alias: &str) -> Cow<'a, str> {
    let spellings = [
        format!("{}.{}.", quoted(&table.schema), quoted(&table.name)),
        format!("{}.{}.", table.schema, table.name),
        format!("{}.{}.", quoted(&table.schema), table.name),
        format!("{}.{}.", table.schema, quoted(&table.name)),
    ];
    let mut written = String::with_capacity(text.len());
    let (mut rest, mut before, mut literal) = (text, ' ', None);
    while let Some(letter) = rest.chars().next() {
        let begins_name = literal.is_none() && !before.is_alphanumeric() && !"_.`".contains(before);
        let name = spellings.iter().find(|name| begins_name && starts_with(rest, name));
        if let Some(name) = name {
            written.push_str(&format!("{alias}."));
            (rest, before) = (rest.get(name.len()..).unwrap_or_default(), '.');
            continue;
        }
        match literal {
            Some(quote) if quote == letter && before != '\\' => literal = None,
            None if letter == '\'' || letter == '"' => literal = Some(letter),
            _ => {}
        }
        written.push(letter);
        (rest, before) = (rest.get(letter.len_utf8()..).unwrap_or_default(), letter);
    }
    if written == text { Cow::Borrowed(text) } else { Cow::Owned(written) }
}

fn starts_with(text: &str, name: &str) -> bool {
    text.get(..name.len()).is_some_and(|start| start.eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_whole_name_before_a_column_becomes_the_alias() {
        let naming = Naming::of(&TableName::new("gold", "cars"), None);
        let told = |text: &str| naming.text(text).into_owned();
        assert_eq!(told("`gold`.`cars`.id > gold.cars.n and Gold.`cars`.x"), "`cars`.id > `cars`.n and `cars`.x");
        assert_eq!(told("x = 'gold.cars.n' or old_gold.cars.n"), "x = 'gold.cars.n' or old_gold.cars.n");
        assert_eq!(told("id in (select id from `gold`.`cars`)"), "id in (select id from `gold`.`cars`)");
        let aliased = Naming::of(&TableName::new("gold", "cars"), Some("c"));
        assert_eq!((aliased.text("gold.cars.n").as_ref(), aliased.column("n").as_str()), ("gold.cars.n", "`c`.`n`"));
    }
}
