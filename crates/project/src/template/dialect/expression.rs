//! Lists, maps and `%` in the expressions of a tag; `+` and `-` where a text reckons with times.

use std::ops::Range;

use super::edit::Edits;
use super::token::{Kind, Token, tokens};

/// Rewrites the expressions of a part of a text.
pub(super) fn rewrite(text: &str, part: Range<usize>, edits: &mut Edits<'_>) {
    rewrite_tokens(&tokens(text, part), edits);
}

/// What stands between two brackets, or in the whole tag.
#[derive(Debug, Default)]
struct Level {
    /// Where the list or map that these brackets are begins.
    literal: Option<usize>,
    /// Where the product that is being read begins: what a `%` has to its left.
    product: Option<usize>,
    /// Whether what is being read stands to the right of a `%`.
    after_percent: bool,
    /// Where the sum that is being read begins.
    sum: Option<usize>,
    /// Whether what is being read stands to the right of a `+` or `-`.
    after_sign: bool,
}

impl Level {
    fn operand(&mut self, start: usize) {
        self.product.get_or_insert(start);
        self.sum.get_or_insert(start);
    }

    /// Ends what stands to the right of a `%`.
    fn close_percent(&mut self, at: usize, edits: &mut Edits<'_>) {
        if std::mem::take(&mut self.after_percent) {
            edits.insert(at, "))");
        }
    }

    fn close_product(&mut self, at: usize, edits: &mut Edits<'_>) {
        self.close_percent(at, edits);
        self.product = None;
    }

    /// Ends what stands to the right of a `+` or `-`.
    fn close_sign(&mut self, at: usize, edits: &mut Edits<'_>) {
        self.close_product(at, edits);
        if std::mem::take(&mut self.after_sign) {
            edits.insert(at, "))");
        }
    }

    fn close_sum(&mut self, at: usize, edits: &mut Edits<'_>) {
        self.close_sign(at, edits);
        self.sum = None;
    }
}

pub(super) fn rewrite_tokens(tokens: &[Token<'_>], edits: &mut Edits<'_>) {
    let mut levels = vec![Level::default()];
    let mut before: Option<&Token<'_>> = None;
    for token in tokens {
        let after_operand = before.is_some_and(Token::ends_operand);
        let end_before = before.map_or(token.start, Token::end);
        let Some(level) = levels.last_mut() else { return };
        match token.kind {
            Kind::Constant => level.operand(token.start),
            Kind::Name => match token.text {
                "and" | "or" | "if" | "else" => level.close_sum(end_before, edits),
                // `is` belongs to the operand before it, and the `not` of `is not` does too.
                "is" => {}
                "not" if before.is_some_and(|before| before.text == "is") => {}
                // The `not` of `not in` has closed it already.
                "in" if before.is_some_and(|before| before.text == "not") => {}
                "not" | "in" => level.close_sum(end_before, edits),
                _ => level.operand(token.start),
            },
            Kind::Open => {
                let literal = (!after_operand && token.text != "(").then_some(token.start);
                if !after_operand {
                    level.operand(token.start);
                }
                levels.push(Level { literal, ..Level::default() });
            }
            Kind::Close => {
                level.close_sum(end_before, edits);
                if let Some(start) = level.literal {
                    edits.insert(start, "(");
                    edits.insert(token.end(), if token.text == "]" { "|hw_list)" } else { "|hw_dict)" });
                }
                levels.pop();
            }
            Kind::Operator => operator(token, level, (end_before, after_operand), edits),
        }
        before = Some(token);
    }
    if let (Some(level), Some(last)) = (levels.last_mut(), before) {
        level.close_sum(last.end(), edits);
    }
}

fn operator(token: &Token<'_>, level: &mut Level, (end_before, after_operand): (usize, bool), edits: &mut Edits<'_>) {
    match token.text {
        "%" if after_operand => {
            level.close_percent(end_before, edits);
            edits.insert(level.product.unwrap_or(token.start), "((");
            edits.replace(token.start..token.end(), ")|hw_rem(");
            level.after_percent = true;
        }
        "*" | "/" | "//" if after_operand => level.close_percent(end_before, edits),
        // A sign belongs to its operand.
        "+" | "-" if !after_operand => level.operand(token.start),
        "+" | "-" if edits.times => {
            level.close_sign(end_before, edits);
            edits.insert(level.sum.unwrap_or(token.start), "((");
            edits.replace(token.start..token.end(), if token.text == "+" { ")|hw_add(" } else { ")|hw_sub(" });
            level.after_sign = true;
        }
        "+" | "-" | "~" => level.close_product(end_before, edits),
        "**" | "." | "|" | "*" => {}
        _ => level.close_sum(end_before, edits),
    }
}
