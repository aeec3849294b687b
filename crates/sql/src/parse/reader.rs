//! Reads a statement part by part, and keeps each part's own text.

use datafusion::sql::sqlparser::ast::{Expr, Ident, ObjectName, Query, TableFactor};
use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::parser::{Parser, ParserError};
use datafusion::sql::sqlparser::tokenizer::{Location, Span, Token, TokenWithSpan};
use headwater_plan::Code;

use super::dialect::SparkDialect;
use super::{check_end, position, syntax_error};
use crate::error::{Position, SqlError};

/// An expression, with the text that it was written as.
#[derive(Debug, Clone)]
pub(crate) struct Fragment {
    pub(crate) expr: Expr,
    pub(crate) text: String,
    pub(crate) at: Option<Position>,
}

/// The tokens of a statement, and how far they have been read.
pub(super) struct Reader<'a> {
    sql: &'a str,
    tokens: Vec<TokenWithSpan>,
    parser: Parser<'a>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(sql: &'a str, dialect: &'a SparkDialect, tokens: Vec<TokenWithSpan>) -> Self {
        let parser = Parser::new(dialect).with_tokens_with_locations(tokens.clone());
        Self { sql, tokens, parser }
    }

    fn told<T>(&self, result: Result<T, ParserError>) -> Result<T, SqlError> {
        result.map_err(|error| syntax_error(error, self.sql))
    }

    /// Reads a keyword, if it comes next.
    pub(super) fn keyword(&mut self, keyword: Keyword) -> bool {
        self.parser.parse_keyword(keyword)
    }

    /// Reads several keywords, if they come next.
    pub(super) fn keywords(&mut self, keywords: &[Keyword]) -> bool {
        self.parser.parse_keywords(keywords)
    }

    pub(super) fn expect_keyword(&mut self, keyword: Keyword) -> Result<(), SqlError> {
        let result = self.parser.expect_keyword_is(keyword);
        self.told(result)
    }

    /// Reads a token, if it comes next.
    pub(super) fn token(&mut self, token: &Token) -> bool {
        self.parser.consume_token(token)
    }

    pub(super) fn expect_token(&mut self, token: &Token) -> Result<(), SqlError> {
        let result = self.parser.expect_token(token).map(|_| ());
        self.told(result)
    }

    pub(super) fn next_is(&self, keywords: &[Keyword]) -> bool {
        matches!(&self.parser.peek_token_ref().token, Token::Word(word) if keywords.contains(&word.keyword))
    }

    /// Whether the next word, which is no keyword of the parser's, is this one.
    pub(super) fn word(&mut self, wanted: &str) -> bool {
        let is = matches!(&self.parser.peek_token_ref().token, Token::Word(word)
            if word.quote_style.is_none() && word.value.eq_ignore_ascii_case(wanted));
        if is {
            self.parser.next_token();
        }
        is
    }

    /// What comes after an opening parenthesis, without reading either.
    pub(super) fn opens_query(&self) -> bool {
        let after = self.parser.peek_nth_token_ref(1);
        matches!(&self.parser.peek_token_ref().token, Token::LParen)
            && match &after.token {
                Token::LParen => true,
                Token::Word(word) => {
                    matches!(word.keyword, Keyword::SELECT | Keyword::WITH | Keyword::VALUES | Keyword::FROM)
                }
                _ => false,
            }
    }

    pub(super) fn place(&self) -> Option<Position> {
        position(self.parser.peek_token_ref().span)
    }

    pub(super) fn name(&mut self) -> Result<ObjectName, SqlError> {
        let result = self.parser.parse_object_name(false);
        self.told(result)
    }

    pub(super) fn identifier(&mut self) -> Result<Ident, SqlError> {
        let result = self.parser.parse_identifier();
        self.told(result)
    }

    /// `[AS] alias`, where the words that may follow a table are no aliases.
    pub(super) fn alias(&mut self, not: &[Keyword]) -> Result<Option<Ident>, SqlError> {
        let explicit = self.keyword(Keyword::AS);
        let is_name = matches!(&self.parser.peek_token_ref().token, Token::Word(word)
            if word.quote_style.is_some() || !not.contains(&word.keyword));
        if explicit || is_name { self.identifier().map(Some) } else { Ok(None) }
    }

    pub(super) fn query(&mut self) -> Result<Query, SqlError> {
        let result = self.parser.parse_query();
        self.told(result).map(|query| *query)
    }

    pub(super) fn table(&mut self) -> Result<(TableFactor, String), SqlError> {
        let start = self.parser.peek_token_ref().span.start;
        let result = self.parser.parse_table_factor();
        let table = self.told(result)?;
        Ok((table, self.text(self.span_from(start))))
    }

    pub(super) fn fragment(&mut self) -> Result<Fragment, SqlError> {
        let start = self.parser.peek_token_ref().span.start;
        let result = self.parser.parse_expr();
        let expr = self.told(result)?;
        let span = self.span_from(start);
        if let Expr::Identifier(name) = &expr
            && name.quote_style.is_none()
            && name.value.eq_ignore_ascii_case("default")
        {
            return Err(SqlError::unsupported("`DEFAULT` as a value").at(position(span)));
        }
        Ok(Fragment { expr, text: self.text(span), at: position(span) })
    }

    pub(super) fn end(&mut self) -> Result<(), SqlError> {
        check_end(&mut self.parser, "the statement")
    }

    /// The error of something else than what may come next.
    pub(super) fn expected(&self, wanted: &str) -> SqlError {
        let next = self.parser.peek_token_ref();
        let found = match &next.token {
            Token::EOF => "the end of the statement".to_owned(),
            token => format!("`{token}`"),
        };
        SqlError::new(Code::SqlSyntax, format!("expected {wanted}, found {found}")).at(position(next.span))
    }

    /// From a place to the end of the last token that was read; comments after it do not belong to it.
    fn span_from(&self, start: Location) -> Span {
        let read = self.parser.get_current_index() + 1;
        let last = self.tokens.iter().take(read).rev().find(|token| !matches!(token.token, Token::Whitespace(_)));
        Span::new(start, last.map_or(start, |token| token.span.end))
    }

    fn text(&self, span: Span) -> String {
        let (start, end) = (offset(self.sql, span.start), offset(self.sql, span.end));
        self.sql.get(start..end).unwrap_or_default().trim().to_owned()
    }
}

/// The byte at which a place of the text lies.
fn offset(sql: &str, place: Location) -> usize {
    let line = usize::try_from(place.line.saturating_sub(1)).unwrap_or(usize::MAX);
    let column = usize::try_from(place.column.saturating_sub(1)).unwrap_or(usize::MAX);
    let begin: usize = sql.split_inclusive('\n').take(line).map(str::len).sum();
    let rest = sql.get(begin..).unwrap_or_default();
    begin + rest.char_indices().nth(column).map_or(rest.len(), |(at, _)| at)
}
