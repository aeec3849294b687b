//! `headwater run`, `headwater test`.

use std::sync::Arc;

use headwater_ops::plan::Choice;
use headwater_ops::run::{RunOptions, RunOutcome};
use headwater_ops::{Context, run as ops};
use headwater_plan::Diagnostics;

use super::{Outcome, show, warn};
use crate::cli::{RunArgs, SelectionArgs, TestArgs};
use crate::console::Console;
use crate::interrupt;
use crate::progress::Watch;
use crate::render::{plan, report};
use crate::world::World;

pub(super) async fn run(console: &Console, world: &World, args: RunArgs) -> Outcome {
    let context = world.context(&args.project, args.threads)?;
    let command = typed("run", &args.selection, args.full_refresh);
    let choice = choice(args.selection, args.full_refresh);
    let outcome = watched(console, &context, Verb::Run, (choice, command)).await?;
    close(console, &outcome)
}

pub(super) async fn test(console: &Console, world: &World, args: TestArgs) -> Outcome {
    let context = world.context(&args.project, args.threads)?;
    let command = typed("test", &args.selection, false);
    let outcome = watched(console, &context, Verb::Test, (choice(args.selection, false), command)).await?;
    close(console, &outcome)
}

/// Which of the two that run something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verb {
    Run,
    Test,
}

/// Runs with progress on the console, to the end or to the second Ctrl-C.
pub(super) async fn watched(
    console: &Console,
    context: &Context,
    verb: Verb,
    (choice, command): (Choice, String),
) -> Result<RunOutcome, Diagnostics> {
    // `test` is asked about tests, so each has a line of its own.
    let watch = Arc::new(Watch::new(*console, verb == Verb::Run));
    let options = RunOptions { choice, command, observer: watch.clone() };
    let told = || watch.say("\nstopping: the running nodes clean up; press Ctrl-C again to stop at once\n");
    let outcome = match verb {
        Verb::Run => interrupt::cancelling(&context.cancel, told, ops::run(context, options)).await,
        Verb::Test => interrupt::cancelling(&context.cancel, told, ops::test(context, options)).await,
    };
    watch.clear();
    outcome
}

/// The last lines: what went wrong, then how it ended.
pub(super) fn close(console: &Console, outcome: &RunOutcome) -> Outcome {
    warn(console, &outcome.warnings);
    if outcome.nothing_to_do {
        return show(console, outcome, |outcome| plan::nothing_to_do(&outcome.up_to_date, console.out));
    }
    let told = report::told(&outcome.report);
    if !told.is_empty() {
        console.say("\n");
        console.tell(&told);
    }
    show(console, outcome, |outcome| format!("\n{}", report::closing(&outcome.report, console.out)))?;
    Ok(outcome.report.exit_code())
}

pub(super) fn choice(selection: SelectionArgs, full_refresh: bool) -> Choice {
    let select = selection.names.into_iter().chain(selection.select).collect();
    Choice { select, exclude: selection.exclude, full_refresh }
}

/// The command as the reports name it.
fn typed(verb: &str, selection: &SelectionArgs, full_refresh: bool) -> String {
    let mut words = vec![verb.to_owned()];
    words.extend(selection.names.iter().chain(&selection.select).cloned());
    for exclude in &selection.exclude {
        words.push(format!("--exclude {exclude}"));
    }
    if full_refresh {
        words.push("--full-refresh".to_owned());
    }
    words.join(" ")
}
