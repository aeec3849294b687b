//! Regular expressions: Java's in Spark, Rust's here. A pattern is translated when the query is planned, and one that
//! means something else in Rust, or nothing, is refused. One that differs from row to row is translated as it is met.

use datafusion::logical_expr::{Expr, lit};

use super::{Answer, Function, scalar};
use crate::error::SqlError;
use crate::kernels;
use crate::kernels::regex::{Pattern, Replace, groups, replacement};
use crate::kernels::search::{Search, Wanted};
use crate::typing::call::Call;

pub(super) const FUNCTIONS: &[Function] = &[
    scalar("rlike", 2..=2, |call| search(call, Wanted::Found)),
    scalar("regexp_like", 2..=2, |call| search(call, Wanted::Found)),
    scalar("regexp", 2..=2, |call| search(call, Wanted::Found)),
    scalar("regexp_replace", 3..=3, replace),
    scalar("regexp_extract", 2..=3, |call| search(call, Wanted::Group(group(call)?))),
    scalar("regexp_extract_all", 2..=3, |call| search(call, Wanted::AllGroups(group(call)?))),
    scalar("regexp_count", 2..=2, |call| search(call, Wanted::Count)),
    scalar("regexp_substr", 2..=2, |call| search(call, Wanted::First)),
    scalar("regexp_instr", 2..=2, |call| search(call, Wanted::Place)),
    scalar("split", 2..=3, split),
];

/// The pattern, when it is the same for all rows.
fn fixed(call: &Call<'_>) -> Result<Option<Pattern>, SqlError> {
    let Some(text) = call.constant_text(1)? else { return Ok(None) };
    let pattern = Pattern::new(&text)
        .map_err(|problem| SqlError::unsupported(format!("the pattern `{text}`")).help(format!("in it, {problem}")))?;
    Ok(Some(pattern))
}

fn search(call: &Call<'_>, wanted: Wanted) -> Answer {
    let pattern = fixed(call)?;
    if let (Some(pattern), Wanted::Group(group) | Wanted::AllGroups(group)) = (&pattern, wanted) {
        if group > pattern.groups() {
            let groups = pattern.groups();
            return Err(SqlError::mismatch(format!("the pattern has {groups} groups, and group {group} is asked for")));
        }
        check_sure(pattern, group)?;
    }
    let mut arguments = vec![call.text(0)?];
    if pattern.is_none() {
        arguments.push(call.text(1)?);
    }
    Ok(kernels::call(Search { wanted, pattern }, arguments))
}

/// Refuses a group that may hold something else in Java.
fn check_sure(pattern: &Pattern, group: usize) -> Result<(), SqlError> {
    if !pattern.is_unsure(group) {
        return Ok(());
    }
    let refusal = SqlError::unsupported(format!("group {group} of the pattern, which stands inside a repeat,"));
    Err(refusal.help("take a group that no repeat stands around, such as the second of `(?:(a),)*(b)`"))
}

/// The group that is asked for: the first, unless another is named.
fn group(call: &Call<'_>) -> Result<usize, SqlError> {
    let group = if call.len() == 3 { call.literal_integer(2, "group")? } else { 1 };
    usize::try_from(group).map_err(|_| SqlError::mismatch(format!("there is no group {group}: they count from 0")))
}

fn split(call: &Call<'_>) -> Answer {
    let pattern = fixed(call)?;
    let mut arguments = vec![call.text(0)?];
    if pattern.is_none() {
        arguments.push(call.text(1)?);
    }
    arguments.push(if call.len() == 3 { call.int(2)? } else { lit(-1_i32) });
    Ok(kernels::call(Search { wanted: Wanted::Between, pattern }, arguments))
}

fn replace(call: &Call<'_>) -> Answer {
    let Some(pattern) = fixed(call)? else {
        return Err(SqlError::unsupported("`regexp_replace` with a pattern that is not a literal"));
    };
    let with = call.literal_text(2, "replacement")?;
    let replacement = replacement(&with, pattern.groups())
        .ok_or_else(|| SqlError::mismatch(format!("`{with}` names a group that the pattern does not have")))?;
    for group in groups(&replacement) {
        check_sure(&pattern, group)?;
    }
    let call: Expr = kernels::call(Replace { pattern, replacement }, vec![call.text(0)?]);
    Ok(call)
}
