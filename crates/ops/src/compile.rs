//! `compile`: the SQL that the project comes to, below `target/compiled/`.

use headwater_plan::{Code, Diagnostic, Diagnostics, Node, NodeId, NodeKind, Plan, Step};
use headwater_spark::bundle::Bundle;
use headwater_spark::lower::{Stage, StageNode, lower};
use serde::Serialize;

use crate::artefacts::{self, Writer};
use crate::choice::Choice;
use crate::project::{Project, compile_for};
use crate::selection::chosen;
use crate::{Context, OpsError, wiring};

/// What a selection comes to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CompileReport {
    /// The nodes that have SQL, in the plan's order.
    pub nodes: Vec<CompiledNode>,
    /// The nodes that cannot be compiled before rows are there, by their names.
    pub late: Vec<String>,
    /// What the user should know.
    pub warnings: Diagnostics,
}

/// A node's SQL.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CompiledNode {
    /// The node.
    pub id: NodeId,
    /// Its name.
    pub name: String,
    /// Its kind.
    pub kind: NodeKind,
    /// The file that holds its SQL, relative to the project; `None` for what was typed.
    pub path: Option<String>,
    /// Spark SQL.
    pub sql: String,
}

/// Compiles the selected nodes and writes their SQL and the manifest.
///
/// # Errors
/// Mistakes in the project or in the selection, files that cannot be written.
pub async fn compile(context: &Context, choice: &Choice) -> Result<CompileReport, Diagnostics> {
    let (project, selected) = chosen(context, choice, "compile").await?;
    let plan = &project.plan;
    let mut report = CompileReport { nodes: Vec::new(), late: Vec::new(), warnings: project.warnings.clone() };
    for node in plan.nodes.values().filter(|node| selected.contains(&node.id)) {
        if matches!(node.step, Step::Late(_)) {
            report.late.push(node.name.clone());
        }
        let Some(sql) = sql(&project, node).await? else { continue };
        let path = artefacts::compiled_path(node, plan);
        artefacts::write_whole(&project.request.dir.join(&path), format!("{}\n", sql.trim_end()).as_bytes())?;
        report.nodes.push(compiled_node(node, Some(path), &sql));
    }
    write_manifest(context, &project)?;
    Ok(report)
}

/// The SQL that a node's next build would be: of an incremental model that is not there yet, or is to be built anew, the
/// whole of it.
pub(crate) async fn sql(project: &Project, node: &Node) -> Result<Option<String>, Diagnostics> {
    let is_anew = match (&node.step, &node.relation) {
        (Step::Incremental(_), _) if project.request.invocation.full_refresh => true,
        (Step::Incremental(_), Some(relation)) => {
            let lake = wiring::lake(&project.plan.environment, &project.request.environ).await?;
            lake.relation(relation).await.map_err(|error| error.diagnostic())?.is_none()
        }
        _ => false,
    };
    let sql = if is_anew { artefacts::compiled_anew(node) } else { artefacts::compiled(node) };
    Ok(sql.map(str::to_owned))
}

/// Compiles SQL that the user typed, Jinja and all. Nothing is written.
///
/// # Errors
/// Mistakes in the project or in the SQL.
pub async fn inline(context: &Context, choice: &Choice, sql: &str) -> Result<CompileReport, Diagnostics> {
    let (project, node) = typed(context, choice, "compile", sql).await?;
    let Some(node) = project.plan.nodes.get(&node) else { return Err(lost().into()) };
    let text = artefacts::compiled(node).unwrap_or_default();
    let nodes = vec![compiled_node(node, None, text)];
    Ok(CompileReport { nodes, late: Vec::new(), warnings: project.warnings })
}

/// What a job of Spark would execute for a selection.
#[derive(Debug, Clone)]
pub struct BundleReport {
    /// The bundle, with every selected node in it, whether it is up to date or not.
    pub bundle: Bundle,
    /// What the user should know.
    pub warnings: Diagnostics,
}

/// Lowers the selected nodes to what a job of Spark would execute. Nothing is written.
///
/// # Errors
/// Mistakes in the project or in the selection, a lake that cannot be read.
pub async fn bundle(context: &Context, choice: &Choice) -> Result<BundleReport, Diagnostics> {
    let (project, selected) = chosen(context, choice, "compile").await?;
    let (plan, request) = (&project.plan, &project.request);
    let lake = wiring::lake(&plan.environment, &request.environ).await?;
    let views = lake.views().await.map_err(|error| error.diagnostic())?;
    let agenda = headwater_run::agenda::whole(plan, &selected);
    let nodes = agenda.iter().filter_map(|entry| {
        let node = plan.nodes.get(&entry.id)?;
        Some(StageNode { node, after: entry.after.clone(), always: entry.always })
    });
    let bundle = lower(&Stage {
        plan,
        nodes: nodes.collect(),
        views: &views.into_iter().map(|view| (view.name.clone(), view)).collect(),
        lake: plan.environment.lake.clone(),
        run_id: crate::run::run_id(&request.invocation),
        started_at: request.invocation.started_at,
        attempt: 1,
        threads: plan.environment.threads,
        full_refresh: choice.full_refresh,
        fail_fast: choice.fail_fast,
        now: None,
        settings: Default::default(),
        native: Vec::new(),
        spark: None,
    });
    Ok(BundleReport { bundle, warnings: project.warnings.clone() })
}

fn compiled_node(node: &Node, path: Option<String>, sql: &str) -> CompiledNode {
    CompiledNode { id: node.id.clone(), name: node.name.clone(), kind: node.kind, path, sql: sql.to_owned() }
}

/// The project with SQL that the user typed as a node of its own.
pub(crate) async fn typed(
    context: &Context,
    choice: &Choice,
    command: &str,
    sql: &str,
) -> Result<(Project, NodeId), Diagnostics> {
    let mut request = choice.request(context, command)?;
    request.invocation.inline = Some(sql.to_owned());
    let project = compile_for(context, request).await?;
    let id = inline_id(&project.plan);
    match project.plan.nodes.get(&id).map(|node| &node.step) {
        Some(Step::Late(late)) => {
            let names: Vec<String> = late.waits_for.iter().map(|name| format!("`{name}`")).collect();
            let message = format!("the query asks for the rows of {}, which are not built", names.join(", "));
            Err(Diagnostic::error(Code::UnknownTable, message).help("`headwater run` builds what it reads").into())
        }
        Some(_) => Ok((project, id)),
        None => Err(lost().into()),
    }
}

fn lost() -> Diagnostic {
    Diagnostic::internal("the typed query was not compiled")
}

/// The node of SQL that the user typed.
fn inline_id(plan: &Plan) -> NodeId {
    NodeId(format!("sql_operation.{}.inline", plan.project))
}

/// Writes the manifest of a compiled project.
pub(crate) fn write_manifest(context: &Context, project: &Project) -> Result<(), OpsError> {
    let writer = Writer::new(&project.request, context);
    let manifest = artefacts::manifest::manifest(&project.plan, &writer);
    writer.write(artefacts::manifest::MANIFEST, &manifest).map(|_| ())
}
