//! Regular expressions: Java's in Spark, Rust's here. A pattern is translated when the query is planned, and one that
//! means something else in Rust, or nothing, is refused.

use datafusion::logical_expr::Expr;

use super::{Answer, Function, scalar};
use crate::error::SqlError;
use crate::kernels;
use crate::kernels::regex::{Extract, Matches, Pattern, Replace, replacement};
use crate::typing::call::Call;

pub(super) const FUNCTIONS: &[Function] = &[
    scalar("rlike", 2..=2, matches),
    scalar("regexp_like", 2..=2, matches),
    scalar("regexp", 2..=2, matches),
    scalar("regexp_replace", 3..=3, replace),
    scalar("regexp_extract", 2..=3, extract),
];

fn pattern(call: &Call<'_>) -> Result<Pattern, SqlError> {
    let text = call.literal_text(1, "pattern")?;
    Pattern::new(text)
        .map_err(|problem| SqlError::unsupported(format!("the pattern `{text}`")).help(format!("in it, {problem}")))
}

fn matches(call: &Call<'_>) -> Answer {
    Ok(kernels::call(Matches { pattern: pattern(call)? }, vec![call.text(0)?]))
}

fn replace(call: &Call<'_>) -> Answer {
    let pattern = pattern(call)?;
    let with = call.literal_text(2, "replacement")?;
    let replacement = replacement(with, pattern.groups())
        .ok_or_else(|| SqlError::mismatch(format!("`{with}` names a group that the pattern does not have")))?;
    Ok(kernels::call(Replace { pattern, replacement }, vec![call.text(0)?]))
}

fn extract(call: &Call<'_>) -> Answer {
    let pattern = pattern(call)?;
    let group = if call.len() == 3 { call.literal_integer(2, "group")? } else { 1 };
    let Some(group) = usize::try_from(group).ok().filter(|group| *group <= pattern.groups()) else {
        let groups = pattern.groups();
        return Err(SqlError::mismatch(format!("the pattern has {groups} groups, and group {group} is asked for")));
    };
    let call: Expr = kernels::call(Extract { pattern, group }, vec![call.text(0)?]);
    Ok(call)
}
