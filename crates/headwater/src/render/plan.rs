//! What a run would do.

use std::collections::BTreeMap;

use headwater_ops::Counts;
use headwater_ops::plan::{Action, PlanReport, PlannedNode};
use headwater_ops::spark::{Author, EngineTaken};
use headwater_plan::TableName;

use super::number::{bytes, count, counted};
use super::report::{is_test, step_word};
use super::style::{Style, cut, left, width};

/// The plan: what would run and why, then what would not.
pub(crate) fn render(plan: &PlanReport, style: Style) -> String {
    let runs = |node: &&PlannedNode| node.decision.action != Action::UpToDate;
    let (to_run, idle): (Vec<_>, Vec<_>) = plan.nodes.iter().partition(runs);
    if to_run.is_empty() {
        return nothing_to_do(&Counts::of(idle.iter().map(|node| node.kind)), style);
    }
    let place = format!("· {} · {} · lake {}", plan.project, plan.environment, plan.lake);
    let mut text = format!("{} {}\n\n", style.bold("plan"), style.dim(place));
    let mut tests: BTreeMap<String, u64> = BTreeMap::new();
    let mut lines: Vec<(&str, String, String)> = Vec::new();
    for node in &to_run {
        match (is_test(node.kind) && node.decision.action == Action::Run, &node.tested) {
            (true, Some(tested)) => *tests.entry(tested.to_string()).or_default() += 1,
            _ => {
                let name = node.relation.as_ref().map_or_else(|| node.name.clone(), TableName::to_string);
                lines.push((step_word(&node.step), name, why(node)));
            }
        }
    }
    lines.extend(tests.into_iter().map(|(name, number)| ("test", name, counted(number, "test"))));
    let longest = lines.iter().map(|(_, name, _)| width(name)).max().unwrap_or(0).max(12);
    let names = if style.terminal { longest.min(style.width / 2) } else { longest };
    let heading = format!("  {}  {}  why", left("step", 6), left("table", names));
    text += &format!("{}\n", style.dim(heading));
    for (step, name, why) in lines {
        let name = left(&cut(&name, names), names);
        text += &format!("{} {}  {name}  {}\n", style.green("+"), left(step, 6), style.dim(why));
    }
    if let Some(engine) = &plan.engine {
        text += &taken(engine, style);
    }
    text += &format!("\n{}\n", summary(&to_run, &idle));
    text
}

/// The engine that a run takes, and the settings of its Spark that are not the machine's.
fn taken(engine: &EngineTaken, style: Style) -> String {
    let why = engine.weighed.map_or_else(String::new, |weighed| {
        let word = if weighed.reads > weighed.above { "more" } else { "no more" };
        format!(": reads about {}, {word} than {}", bytes(weighed.reads), bytes(weighed.above))
    });
    let mut text = format!("\n  {}{}\n", style.bold(format_args!("engine {}", engine.name)), style.dim(why));
    let settings: Vec<_> = engine.settings.iter().filter(|setting| setting.author != Author::Machine).collect();
    let longest = settings.iter().map(|setting| width(&setting.name)).max().unwrap_or(0);
    for setting in settings {
        let whose = match setting.author {
            Author::Project => "  (the project's)",
            Author::Needed => "  (needed)",
            Author::Sizes | Author::Machine => "",
        };
        text += &format!("    {}  {}{}\n", left(&setting.name, longest), setting.value, style.dim(whose));
    }
    text
}

fn why(node: &PlannedNode) -> String {
    match node.estimated_bytes {
        Some(read) if read > 0 => format!("{}, {}", node.decision.reason, bytes(read)),
        _ => node.decision.reason.clone(),
    }
}

fn summary(to_run: &[&PlannedNode], idle: &[&PlannedNode]) -> String {
    let tests = to_run.iter().filter(|node| is_test(node.kind)).count() as u64;
    let others = to_run.len() as u64 - tests;
    let mut text = match (others, tests) {
        (0, tests) => format!("{} would run", counted(tests, "test")),
        (others, 0) => format!("{} would run", counted(others, "node")),
        (others, tests) => format!("{} and {} would run", counted(others, "node"), counted(tests, "test")),
    };
    match idle.len() as u64 {
        0 => {}
        1 => text += ", 1 is up to date",
        idle => text += &format!(", {} are up to date", count(idle)),
    }
    text + "; nothing was written"
}

/// The one line of a run that has nothing to do.
pub(crate) fn nothing_to_do(counts: &Counts, style: Style) -> String {
    let all = words(counts);
    let all_of = parts(counts).iter().map(|(number, _)| number).sum::<u64>();
    if all_of == 0 {
        return format!("{}: nothing is selected\n", style.green("nothing to do"));
    }
    let verb = if all_of == 1 { "is" } else { "are" };
    format!("{}: {all} {verb} up to date\n", style.green("nothing to do"))
}

/// `4 sources, 9 models and 31 tests`.
pub(crate) fn words(counts: &Counts) -> String {
    let parts = parts(counts).into_iter().filter(|(number, _)| *number > 0);
    let parts: Vec<String> = parts.map(|(number, word)| counted(number, word)).collect();
    match parts.as_slice() {
        [] => "0 nodes".to_owned(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

fn parts(counts: &Counts) -> [(u64, &'static str); 6] {
    [
        (counts.sources, "source"),
        (counts.seeds, "seed"),
        (counts.models, "model"),
        (counts.snapshots, "snapshot"),
        (counts.tests, "test"),
        (counts.unit_tests, "unit test"),
    ]
}
