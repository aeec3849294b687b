//! `show`: the first rows of what a model's SQL gives now, or of SQL that the user typed with Jinja in it.

use headwater_plan::{Code, Diagnostic, Diagnostics, Node, Step};

use crate::artefacts;
use crate::choice::Choice;
use crate::compile::{self, typed};
use crate::query::{Rows, answer};
use crate::selection::chosen;
use crate::{Context, OpsError};

/// Begins to answer.
///
/// # Errors
/// Mistakes in the project, a selection of several nodes or of none that has rows, or what is wrong in the query.
pub async fn show(context: &Context, choice: &Choice, inline: Option<&str>, limit: u64) -> Result<Rows, Diagnostics> {
    let (project, sql) = match inline {
        Some(sql) => {
            let (project, id) = typed(context, choice, "show", sql).await?;
            let sql = project.plan.nodes.get(&id).and_then(artefacts::compiled).unwrap_or_default().to_owned();
            (project, sql)
        }
        None => {
            let (project, selected) = chosen(context, choice, "show").await?;
            let nodes = project.plan.nodes.values().filter(|node| selected.contains(&node.id) && has_rows(node));
            let node = one(nodes.collect())?;
            let sql = match (compile::sql(&project, node).await?, &node.relation) {
                (Some(sql), _) => sql,
                (None, Some(relation)) => format!("SELECT * FROM {}", relation.quoted()),
                (None, None) => return Err(OpsError::NothingOfKind { word: "model" }.into()),
            };
            (project, sql)
        }
    };
    let sql = match limit {
        0 => sql,
        limit => format!("SELECT * FROM (\n{}\n) LIMIT {limit}", sql.trim().trim_end_matches(';')),
    };
    answer(context, &project.request, &project.plan.environment, &sql).await
}

/// Tests come along with what they test; they are shown only when nothing else is asked for.
fn has_rows(node: &Node) -> bool {
    !matches!(node.step, Step::Statement(_) | Step::UnitTest(_))
}

/// The one node that is meant, if it can be shown.
fn one(nodes: Vec<&Node>) -> Result<&Node, Diagnostics> {
    let mut wanted: Vec<&Node> = nodes.iter().copied().filter(|node| !node.step.is_test()).collect();
    if wanted.is_empty() {
        wanted = nodes;
    }
    let node = match wanted.as_slice() {
        [node] => *node,
        [] => return Err(OpsError::NothingOfKind { word: "model" }.into()),
        many => {
            let names: Vec<String> = many.iter().take(6).map(|node| format!("`{}`", node.name)).collect();
            let message = format!("`show` shows one node, and {} are selected", many.len());
            return Err(Diagnostic::error(Code::InvalidSelector, message)
                .help(format!("select one of {}", names.join(", ")))
                .into());
        }
    };
    let Step::Late(late) = &node.step else { return Ok(node) };
    let names: Vec<String> = late.waits_for.iter().map(|name| format!("`{name}`")).collect();
    let message = format!("`{}` is compiled after {}", node.name, names.join(", "));
    Err(Diagnostic::error(Code::UnknownTable, message)
        .at(node.location.clone())
        .help(format!("build what it reads first: `headwater run --select +{}`", node.name))
        .into())
}
