//! Statements that change a table: the parts that they are written in.

use datafusion::sql::sqlparser::ast::{Ident, ObjectName, Query, TableFactor};
use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::tokenizer::{Token, TokenWithSpan};
use headwater_plan::Code;

pub(crate) use super::reader::Fragment;

use super::dialect::SparkDialect;
use super::reader::Reader;
use super::{OTHER_STATEMENTS, QUERY_WORDS, position, tokens};
use crate::error::{Position, SqlError, suggest};

/// A statement as it was written.
#[derive(Debug)]
pub(crate) enum Written {
    Query,
    Insert(Box<Insert>),
    Delete { target: Target, condition: Option<Fragment> },
    Update { target: Target, assignments: Vec<Assignment>, condition: Option<Fragment> },
    Merge(Box<Merge>),
    Drop { name: ObjectName, at: Option<Position> },
}

/// The table that a statement changes.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    pub(crate) name: ObjectName,
    pub(crate) alias: Option<Ident>,
    pub(crate) at: Option<Position>,
}

#[derive(Debug)]
pub(crate) struct Insert {
    pub(crate) target: Target,
    /// Empty when the rows are in the table's own order.
    pub(crate) columns: Vec<Ident>,
    /// Whether the columns go where their names say.
    pub(crate) by_name: bool,
    pub(crate) overwrite: bool,
    pub(crate) source: Query,
    pub(crate) source_at: Option<Position>,
}

/// `column = value`.
#[derive(Debug)]
pub(crate) struct Assignment {
    pub(crate) column: ObjectName,
    pub(crate) value: Fragment,
}

#[derive(Debug)]
pub(crate) struct Merge {
    pub(crate) target: Target,
    pub(crate) source: TableFactor,
    pub(crate) source_text: String,
    pub(crate) on: Fragment,
    pub(crate) clauses: Vec<Clause>,
}

/// Which rows a clause of MERGE is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum When {
    Matched,
    NotMatched,
    NotMatchedBySource,
}

#[derive(Debug)]
pub(crate) struct Clause {
    pub(crate) when: When,
    pub(crate) condition: Option<Fragment>,
    pub(crate) action: Action,
    pub(crate) at: Option<Position>,
}

#[derive(Debug)]
pub(crate) enum Action {
    Delete,
    UpdateAll,
    Update(Vec<Assignment>),
    InsertAll,
    Insert(Vec<Ident>, Vec<Fragment>),
}

/// Parses exactly one statement; a `;` may follow it. A query is only recognized.
pub(crate) fn statement(sql: &str) -> Result<Written, SqlError> {
    let tokens = tokens(sql)?;
    let word = first_word(&tokens);
    let dialect = SparkDialect::default();
    let mut reader = Reader::new(sql, &dialect, tokens);
    let at = reader.place();
    let written = match word.as_str() {
        "insert" => insert(&mut reader)?,
        "delete" => delete(&mut reader)?,
        "update" => update(&mut reader)?,
        "merge" => merge(&mut reader)?,
        "drop" => drop(&mut reader)?,
        word if OTHER_STATEMENTS.contains(&word) => {
            let message = format!("the statement `{}` is not supported", word.to_uppercase());
            return Err(SqlError::new(Code::UnsupportedSql, message)
                .at(at)
                .help("a statement here is a query, `INSERT`, `DELETE`, `UPDATE`, `MERGE` or `DROP TABLE IF EXISTS`: headwater itself creates and keeps the tables"));
        }
        word if word.is_empty() || QUERY_WORDS.contains(&word) => return Ok(Written::Query),
        word => {
            let known = QUERY_WORDS.iter().chain(OTHER_STATEMENTS).copied();
            return Err(reader.expected("a statement").help_if(suggest(word, "a statement begins with one of", known)));
        }
    };
    reader.end()?;
    Ok(written)
}

/// The first word in lower case; nothing when something else stands there, which a query may begin with.
fn first_word(tokens: &[TokenWithSpan]) -> String {
    let first = tokens.iter().find(|token| !matches!(token.token, Token::Whitespace(_)));
    match first.map(|first| &first.token) {
        Some(Token::Word(word)) if word.quote_style.is_none() => word.value.to_lowercase(),
        _ => String::new(),
    }
}

fn target(reader: &mut Reader<'_>, not_aliases: &[Keyword]) -> Result<Target, SqlError> {
    let at = reader.place();
    let name = reader.name()?;
    let alias = reader.alias(not_aliases)?;
    Ok(Target { name, alias, at })
}

fn drop(reader: &mut Reader<'_>) -> Result<Written, SqlError> {
    let at = reader.place();
    reader.expect_keyword(Keyword::DROP)?;
    if !reader.keyword(Keyword::TABLE) && !reader.keyword(Keyword::VIEW) {
        return Err(reader.expected("`TABLE` or `VIEW`"));
    }
    if !reader.keywords(&[Keyword::IF, Keyword::EXISTS]) {
        // What is not there when a statement is repeated after a crash was dropped by it.
        let error = SqlError::unsupported("`DROP` without `IF EXISTS`").at(at);
        return Err(error.help("write `DROP TABLE IF EXISTS …`, which may be repeated"));
    }
    Ok(Written::Drop { name: reader.name()?, at })
}

fn insert(reader: &mut Reader<'_>) -> Result<Written, SqlError> {
    let at = reader.place();
    reader.expect_keyword(Keyword::INSERT)?;
    let overwrite = reader.keyword(Keyword::OVERWRITE);
    if overwrite && (reader.keyword(Keyword::DIRECTORY) || reader.keyword(Keyword::LOCAL)) {
        return Err(SqlError::unsupported("`INSERT OVERWRITE DIRECTORY`").at(at));
    }
    if overwrite {
        reader.keyword(Keyword::INTO);
    } else {
        reader.expect_keyword(Keyword::INTO)?;
    }
    reader.keyword(Keyword::TABLE);
    let name_at = reader.place();
    let target = Target { name: reader.name()?, alias: None, at: name_at };
    let after = reader.place();
    for (keyword, what) in [(Keyword::PARTITION, "`INSERT` into a `PARTITION`"), (Keyword::REPLACE, "`REPLACE WHERE`")]
    {
        if reader.keyword(keyword) {
            return Err(SqlError::unsupported(what).at(after));
        }
    }
    let mut columns = Vec::new();
    let by_name = reader.keywords(&[Keyword::BY, Keyword::NAME]);
    if !by_name && !reader.opens_query() && reader.token(&Token::LParen) {
        columns = identifiers(reader)?;
    }
    let source_at = reader.place();
    let source = reader.query()?;
    Ok(Written::Insert(Box::new(Insert { target, columns, by_name, overwrite, source, source_at })))
}

/// Names up to the closing parenthesis.
fn identifiers(reader: &mut Reader<'_>) -> Result<Vec<Ident>, SqlError> {
    let mut names = vec![reader.identifier()?];
    while reader.token(&Token::Comma) {
        names.push(reader.identifier()?);
    }
    reader.expect_token(&Token::RParen)?;
    Ok(names)
}

fn delete(reader: &mut Reader<'_>) -> Result<Written, SqlError> {
    reader.expect_keyword(Keyword::DELETE)?;
    reader.expect_keyword(Keyword::FROM)?;
    let target = target(reader, &[Keyword::WHERE])?;
    let condition = if reader.keyword(Keyword::WHERE) { Some(reader.fragment()?) } else { None };
    Ok(Written::Delete { target, condition })
}

fn update(reader: &mut Reader<'_>) -> Result<Written, SqlError> {
    reader.expect_keyword(Keyword::UPDATE)?;
    let target = target(reader, &[Keyword::SET])?;
    reader.expect_keyword(Keyword::SET)?;
    let assignments = assignments(reader)?;
    let from = reader.place();
    if reader.keyword(Keyword::FROM) {
        return Err(SqlError::unsupported("`UPDATE ... FROM`").at(from).help("write a `MERGE`"));
    }
    let condition = if reader.keyword(Keyword::WHERE) { Some(reader.fragment()?) } else { None };
    Ok(Written::Update { target, assignments, condition })
}

fn assignments(reader: &mut Reader<'_>) -> Result<Vec<Assignment>, SqlError> {
    let mut all = Vec::new();
    loop {
        let column = reader.name()?;
        if !reader.token(&Token::Eq) && !reader.token(&Token::DoubleEq) {
            return Err(reader.expected("`=`"));
        }
        all.push(Assignment { column, value: reader.fragment()? });
        if !reader.token(&Token::Comma) {
            return Ok(all);
        }
    }
}

fn merge(reader: &mut Reader<'_>) -> Result<Written, SqlError> {
    let at = reader.place();
    reader.expect_keyword(Keyword::MERGE)?;
    if reader.keyword(Keyword::WITH) {
        return Err(SqlError::unsupported("`MERGE WITH SCHEMA EVOLUTION`").at(at));
    }
    reader.expect_keyword(Keyword::INTO)?;
    let target = target(reader, &[Keyword::USING])?;
    reader.expect_keyword(Keyword::USING)?;
    let (source, source_text) = reader.table()?;
    reader.expect_keyword(Keyword::ON)?;
    let on = reader.fragment()?;
    let mut clauses = Vec::new();
    while reader.next_is(&[Keyword::WHEN]) {
        clauses.push(clause(reader)?);
    }
    if clauses.is_empty() {
        return Err(reader.expected("`WHEN MATCHED` or `WHEN NOT MATCHED`"));
    }
    Ok(Written::Merge(Box::new(Merge { target, source, source_text, on, clauses })))
}

fn clause(reader: &mut Reader<'_>) -> Result<Clause, SqlError> {
    let at = reader.place();
    reader.expect_keyword(Keyword::WHEN)?;
    let not = reader.keyword(Keyword::NOT);
    reader.expect_keyword(Keyword::MATCHED)?;
    let when = match (not, not && reader.keyword(Keyword::BY)) {
        (false, _) => When::Matched,
        (true, true) if reader.word("source") => When::NotMatchedBySource,
        (true, true) if reader.word("target") => When::NotMatched,
        (true, true) => return Err(reader.expected("`SOURCE` or `TARGET`")),
        (true, false) => When::NotMatched,
    };
    let condition = if reader.keyword(Keyword::AND) { Some(reader.fragment()?) } else { None };
    reader.expect_keyword(Keyword::THEN)?;
    let action = if when == When::NotMatched {
        insert_action(reader)?
    } else if reader.keyword(Keyword::DELETE) {
        Action::Delete
    } else if reader.keyword(Keyword::UPDATE) {
        reader.expect_keyword(Keyword::SET)?;
        let all = reader.place();
        match reader.token(&Token::Mul) {
            true if when == When::NotMatchedBySource => {
                let message = "`UPDATE SET *` takes the source's values, and here there is no row of the source";
                return Err(SqlError::new(Code::SqlSyntax, message).at(all));
            }
            true => Action::UpdateAll,
            false => Action::Update(assignments(reader)?),
        }
    } else {
        return Err(reader.expected("`UPDATE SET` or `DELETE`"));
    };
    Ok(Clause { when, condition, action, at })
}

fn insert_action(reader: &mut Reader<'_>) -> Result<Action, SqlError> {
    if !reader.keyword(Keyword::INSERT) {
        return Err(reader.expected("`INSERT`"));
    }
    if reader.token(&Token::Mul) {
        return Ok(Action::InsertAll);
    }
    if !reader.token(&Token::LParen) {
        return Err(reader.expected("`*` or the columns in parentheses"));
    }
    let columns = identifiers(reader)?;
    reader.expect_keyword(Keyword::VALUES)?;
    reader.expect_token(&Token::LParen)?;
    let mut values = vec![reader.fragment()?];
    while reader.token(&Token::Comma) {
        values.push(reader.fragment()?);
    }
    reader.expect_token(&Token::RParen)?;
    Ok(Action::Insert(columns, values))
}

/// The place of a name's last part.
pub(crate) fn place_of(name: &Ident) -> Option<Position> {
    position(name.span)
}
