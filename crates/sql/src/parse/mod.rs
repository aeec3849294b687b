//! Text to the syntax tree of one query or statement.

mod dialect;
pub(crate) mod literal;
mod reader;
pub(crate) mod statement;

use datafusion::sql::sqlparser::ast::{Query, Statement};
use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::parser::{Parser, ParserError};
use datafusion::sql::sqlparser::tokenizer::{Span, Token, TokenWithSpan, Tokenizer};
use headwater_plan::Code;

use crate::error::{Position, SqlError};

/// Statements that Spark has and a model or query is not.
const OTHER_STATEMENTS: &[&str] = &[
    "add", "alter", "analyze", "begin", "cache", "call", "clear", "comment", "copy", "create", "declare", "delete",
    "desc", "describe", "drop", "execute", "explain", "grant", "insert", "list", "load", "merge", "msck", "optimize",
    "refresh", "repair", "replace", "reset", "restore", "revoke", "set", "show", "truncate", "uncache", "update",
    "use", "vacuum",
];

const QUERY_WORDS: &[&str] = &["select", "with", "values", "table", "from"];

/// Parses exactly one query; a `;` may follow it.
pub(crate) fn query(sql: &str) -> Result<Query, SqlError> {
    let tokens = tokens(sql)?;
    check_first_word(&tokens)?;
    let dialect = dialect::SparkDialect::default();
    let mut parser = Parser::new(&dialect).with_tokens_with_locations(tokens);
    let statement = parser.parse_statement().map_err(|error| syntax_error(error, sql))?;
    check_end(&mut parser, "the query")?;
    match statement {
        Statement::Query(query) => Ok(*query),
        _ => Err(SqlError::unsupported("a statement other than a query")),
    }
}

/// The tokens of a text, with whitespace and comments.
fn tokens(sql: &str) -> Result<Vec<TokenWithSpan>, SqlError> {
    let dialect = dialect::SparkDialect::default();
    let tokens = Tokenizer::new(&dialect, sql).with_unescape(false).tokenize_with_location().map_err(|error| {
        let at = Position { line: error.location.line, column: column(error.location.column), length: 1 };
        SqlError::new(Code::SqlSyntax, tokenizer_message(&error.message)).at(at)
    })?;
    let mut tokens = join_literals(tokens)?;
    mark_functions(&mut tokens);
    Ok(tokens)
}

/// Nothing but `;` may follow.
fn check_end(parser: &mut Parser<'_>, what: &str) -> Result<(), SqlError> {
    while parser.consume_token(&Token::SemiColon) {}
    let next = parser.peek_token_ref();
    if next.token == Token::EOF {
        return Ok(());
    }
    let message = format!("expected the end of {what}, found `{}`", next.token);
    Err(SqlError::new(Code::SqlSyntax, message).at(position(next.span)))
}

/// `exists(array, x -> ...)` is a function of that name, where the parser would read a subquery.
fn mark_functions(tokens: &mut [TokenWithSpan]) {
    let meant: Vec<usize> =
        (0..tokens.len()).filter(|index| !matches!(tokens[*index].token, Token::Whitespace(_))).collect();
    for next in meant.windows(3) {
        let begins_query = |token: &Token| match token {
            Token::Word(word) => {
                matches!(word.keyword, Keyword::SELECT | Keyword::WITH | Keyword::VALUES | Keyword::FROM)
            }
            Token::LParen => true,
            _ => false,
        };
        let opens = tokens[next[1]].token == Token::LParen && !begins_query(&tokens[next[2]].token);
        if let Token::Word(word) = &mut tokens[next[0]].token
            && opens
            && word.keyword == Keyword::EXISTS
            && word.quote_style.is_none()
        {
            word.quote_style = Some('`');
            word.keyword = Keyword::NoKeyword;
        }
    }
}

/// Spark's own rules for literals that stand side by side: `'a' 'b'` is one string, `r'a\d'` has no escapes, and a
/// suffix (`1.5D`) belongs to its number, where other dialects would read an alias.
fn join_literals(tokens: Vec<TokenWithSpan>) -> Result<Vec<TokenWithSpan>, SqlError> {
    let mut joined: Vec<TokenWithSpan> = Vec::with_capacity(tokens.len());
    for token in tokens {
        let before = joined.iter().rposition(|earlier| !matches!(earlier.token, Token::Whitespace(_)));
        let touches = before.is_some_and(|index| index + 1 == joined.len());
        match (before.map(|index| (index, joined[index].token.clone())), &token.token) {
            (Some((_, Token::Number(number, false))), Token::Word(word)) if touches && word.quote_style.is_none() => {
                let merged = Token::Number(format!("{number}{}", word.value), false);
                replace_last(&mut joined, merged, &token);
            }
            (Some((_, Token::Word(word))), Token::SingleQuotedString(raw) | Token::DoubleQuotedString(raw))
                if touches && word.quote_style.is_none() && word.value.eq_ignore_ascii_case("r") =>
            {
                if raw.contains(['\'', '"']) {
                    return Err(SqlError::unsupported("a quote inside a raw string").at(position(token.span)));
                }
                replace_last(&mut joined, Token::SingleQuotedString(raw.replace('\\', "\\\\")), &token);
            }
            (Some((index, first)), _) if text(&first).is_some() && text(&token.token).is_some() => {
                let value = text(&first).unwrap_or_default() + &text(&token.token).unwrap_or_default();
                joined.truncate(index + 1);
                let raw = value.replace('\\', "\\\\").replace('\'', "''");
                replace_last(&mut joined, Token::SingleQuotedString(raw), &token);
            }
            _ => joined.push(token),
        }
    }
    Ok(joined)
}

fn replace_last(tokens: &mut Vec<TokenWithSpan>, merged: Token, end: &TokenWithSpan) {
    if let Some(last) = tokens.pop() {
        let span = Span::new(last.span.start, end.span.end);
        tokens.push(TokenWithSpan { token: merged, span });
    }
}

/// The value of a string token.
fn text(token: &Token) -> Option<String> {
    match token {
        Token::SingleQuotedString(raw) => Some(literal::unescape(raw, '\'')),
        Token::DoubleQuotedString(raw) => Some(literal::unescape(raw, '"')),
        _ => None,
    }
}

fn check_first_word(tokens: &[TokenWithSpan]) -> Result<(), SqlError> {
    let first = tokens.iter().find(|token| !matches!(token.token, Token::Whitespace(_) | Token::EOF));
    let Some(first) = first else {
        return Err(SqlError::new(Code::SqlSyntax, "expected a query, found nothing"));
    };
    let word = match &first.token {
        Token::LParen => return Ok(()),
        Token::Word(word) if word.quote_style.is_none() => word.value.to_lowercase(),
        other => {
            let message = format!("expected a query, found `{other}`");
            return Err(SqlError::new(Code::SqlSyntax, message).at(position(first.span)));
        }
    };
    if QUERY_WORDS.contains(&word.as_str()) {
        return Ok(());
    }
    if OTHER_STATEMENTS.contains(&word.as_str()) {
        let statement = word.to_uppercase();
        return Err(SqlError::new(Code::UnsupportedSql, format!("`{statement}` is a statement, not a query"))
            .at(position(first.span))
            .help("write a `SELECT`: headwater itself creates the tables and writes the rows"));
    }
    Err(SqlError::new(Code::SqlSyntax, format!("expected a query, found `{word}`"))
        .at(position(first.span))
        .help_if(crate::error::suggest(&word, "a query begins with one of", QUERY_WORDS.iter().copied())))
}

fn syntax_error(error: ParserError, sql: &str) -> SqlError {
    let text = match error {
        ParserError::TokenizerError(text) | ParserError::ParserError(text) => text,
        ParserError::RecursionLimitExceeded => {
            return SqlError::unsupported("an expression nested this deep");
        }
    };
    let (message, at) = match text.rsplit_once(" at Line: ") {
        Some((message, place)) => (message.to_owned(), place.split_once(", Column: ")),
        None => (text.clone(), None),
    };
    let at = at.and_then(|(line, column)| Some((line.trim().parse().ok()?, column.trim().parse().ok()?)));
    let (expected, found) = match message.strip_prefix("Expected: ").and_then(|rest| rest.rsplit_once(", found: ")) {
        Some((expected, found)) => (Some(expected), Some(found)),
        None => (None, None),
    };
    let wording = match (expected, found) {
        (Some(expected), Some("EOF")) => format!("expected {}, found the end of the query", quoted(expected)),
        (Some(expected), Some(found)) => format!("expected {}, found `{found}`", quoted(expected)),
        _ => lower_first(&message),
    };
    let length = found.map_or(1, |found| column(found.chars().count() as u64).max(1));
    let place = match at {
        Some((line, column)) if line > 0 => Position { line, column, length },
        // The parser gives the end of the text no place.
        _ => end_of(sql),
    };
    SqlError::new(Code::SqlSyntax, wording).at(place)
}

/// Puts what is literally to be typed in backticks, and leaves descriptions (`an expression`) as they are.
fn quoted(expected: &str) -> String {
    let literal = !expected.contains(' ') && !expected.chars().all(|character| character.is_ascii_lowercase());
    if literal { format!("`{expected}`") } else { expected.replace("end of statement", "the end of the query") }
}

fn tokenizer_message(message: &str) -> String {
    let message = message.trim_end_matches(" at ").trim();
    match message {
        text if text.starts_with("Unterminated string literal") => "this string is never closed".into(),
        text if text.starts_with("Unexpected EOF while in a multi-line comment") => {
            "this comment is never closed".into()
        }
        text if text.starts_with("Expected close delimiter") => "this backtick is never closed".into(),
        text => lower_first(text),
    }
}

fn lower_first(text: &str) -> String {
    let mut characters = text.chars();
    characters.next().map_or_else(String::new, |first| first.to_lowercase().chain(characters).collect())
}

fn end_of(sql: &str) -> Position {
    let text = sql.trim_end();
    let line = text.lines().count().max(1) as u64;
    let width = text.lines().last().map_or(0, |last| last.chars().count());
    Position { line, column: column(width as u64 + 1), length: 1 }
}

/// The place of a token or expression; `None` for one that the parser made up.
pub(crate) fn position(span: Span) -> Option<Position> {
    if span.start.line == 0 {
        return None;
    }
    let length = if span.start.line == span.end.line { span.end.column.saturating_sub(span.start.column) } else { 1 };
    Some(Position { line: span.start.line, column: column(span.start.column), length: column(length).max(1) })
}

fn column(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
