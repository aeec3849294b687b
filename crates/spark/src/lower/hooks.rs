//! Statements of the user's: hooks, and what runs before or after everything else.

use headwater_plan::{Node, Statement, Step};

use super::{Lowering, always};
use crate::bundle::{Action, Purpose, UserStatement, Work};

pub(super) fn before(lowering: &Lowering<'_>, node: &Node) -> Vec<Action> {
    all(lowering, node, Purpose::PreHook, &node.hooks.before)
}

/// The statements after the step, and that nothing is owed any more. A step that makes no table owes nothing that could
/// be written down.
pub(super) fn after(lowering: &Lowering<'_>, node: &Node) -> Vec<Action> {
    let mut actions = all(lowering, node, Purpose::PostHook, &node.hooks.after);
    let makes_a_table = matches!(node.step, Step::Table(_) | Step::Incremental(_) | Step::Snapshot(_));
    if !actions.is_empty() && makes_a_table {
        actions.push(always(Purpose::Settle, Work::Settle));
    }
    actions
}

fn all(lowering: &Lowering<'_>, node: &Node, purpose: Purpose, statements: &[Statement]) -> Vec<Action> {
    let place = |at: usize| match purpose {
        Purpose::PreHook => format!("pre-hook-{at}"),
        _ => format!("post-hook-{at}"),
    };
    let number = |at: usize| (at + 1, statements.len());
    let lowered = statements.iter().enumerate();
    lowered.map(|(at, one)| always(purpose, work(lowering, node, one, &place(at + 1), number(at)))).collect()
}

/// A statement that is a node of its own.
pub(super) fn statement(lowering: &Lowering<'_>, node: &Node, statement: &Statement) -> Action {
    always(Purpose::Statement, work(lowering, node, statement, "statement", (1, 1)))
}

fn work(lowering: &Lowering<'_>, node: &Node, statement: &Statement, place: &str, number: (usize, usize)) -> Work {
    match &statement.writes {
        Some(relation) if is_drop(&statement.sql) => Work::Drop { relation: relation.clone() },
        writes => Work::Statement(UserStatement {
            sql: statement.sql.clone(),
            writes: writes.clone(),
            number,
            transaction: writes.as_ref().map(|_| lowering.transaction(node, place)),
        }),
    }
}

/// Whether a statement removes what it writes. Spark would forget the table and leave its files.
fn is_drop(sql: &str) -> bool {
    let mut rest = sql.trim_start();
    loop {
        let comment = if let Some(line) = rest.strip_prefix("--") {
            line.split_once('\n')
        } else if let Some(block) = rest.strip_prefix("/*") {
            block.split_once("*/")
        } else {
            let word: String = rest.chars().take_while(|letter| letter.is_alphabetic()).collect();
            return word.eq_ignore_ascii_case("drop");
        };
        let Some((_, after)) = comment else { return false };
        rest = after.trim_start();
    }
}
