//! Earlier runs.

use headwater_ops::runs::RunSummary;
use headwater_plan::{RunReport, RunStatus};

use super::number::{count, instant, seconds, short_id};
use super::report::{self, Lines};
use super::style::Style;
use super::table::{Align, Cell, Table};

/// The last runs.
pub(crate) fn list(runs: &[RunSummary], style: Style) -> String {
    if runs.is_empty() {
        return "nothing has run here yet: `headwater run` makes the first run\n".to_owned();
    }
    let mut table = Table::new([
        ("run", Align::Left),
        ("started (UTC)", Align::Left),
        ("status", Align::Left),
        ("took", Align::Right),
        ("done", Align::Right),
        ("failed", Align::Right),
        ("command", Align::Left),
    ]);
    for run in runs {
        let nodes = |words: &[&str]| words.iter().filter_map(|word| run.nodes.get(*word)).sum::<u64>();
        let took = run.finished_at.map(|end| (end - run.started_at).num_milliseconds().max(0).unsigned_abs());
        table.row(vec![
            Cell::text(short_id(&run.run_id.0)),
            Cell::text(instant(run.started_at)),
            Cell::text(status(run.status, run.finished_at.is_some())),
            Cell::text(took.map_or(String::new(), seconds)),
            Cell::text(count(nodes(&["success", "warned"]))),
            Cell::text(count(nodes(&["failed"]))),
            Cell::text(&run.command),
        ]);
    }
    table.render(style).0
}

fn status(status: RunStatus, ended: bool) -> &'static str {
    match (status, ended) {
        (RunStatus::Running, _) => "running",
        (RunStatus::Success, _) => "done",
        (RunStatus::Failed, true) => "failed",
        // Its process died: nobody was there to say when.
        (RunStatus::Failed, false) => "killed",
        (RunStatus::Cancelled, _) => "stopped",
    }
}

/// One run, node by node.
pub(crate) fn show(run: &RunReport, style: Style) -> String {
    let engine = report::on_engine(&run.engine);
    let facts = format!("· {} · {}{engine} · {} UTC", run.project, run.environment, instant(run.started_at));
    let mut text = format!("{} {}\n", style.bold(format_args!("run {}", short_id(&run.run_id.0))), style.dim(facts));
    text += &format!("{}\n\n", style.dim(format_args!("headwater {}", run.command)));
    let lines = Lines::of_report(run, style);
    text += &lines.heading();
    for node in &run.nodes {
        text += &lines.every_line(node);
    }
    text.push('\n');
    if run.status == RunStatus::Failed && run.finished_at.is_none() {
        return text + &format!("{}\n", style.red("✗ killed before it ended; the next run goes on from here"));
    }
    text + &report::closing(run, style)
}
