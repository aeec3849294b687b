//! `headwater run`, `build`, `seed`, `snapshot`, `test`.

use std::sync::Arc;

use headwater_ops::openlineage::EventFile;
use headwater_ops::run::{RunObserver, RunOptions, RunOutcome, Verb};
use headwater_ops::{Choice, Context, Defer, run as ops};
use headwater_plan::{Code, Diagnostic, Diagnostics};

use super::{Outcome, show, warn};
use crate::cli::{RunArgs, SelectionArgs, StateArgs};
use crate::console::Console;
use crate::interrupt;
use crate::progress::Watch;
use crate::render::{plan, report};
use crate::world::World;

pub(super) async fn run(console: &Console, world: &World, verb: Verb, args: RunArgs) -> Outcome {
    if args.build.empty {
        let message = "`--empty` is not supported: a table without rows would take the place of the one that is there";
        let help = "`headwater check` finds every mistake without touching data";
        return Err(Diagnostic::error(Code::Unsupported, message).help(help).into());
    }
    let context = world.context(&args.project, args.threads)?;
    let command = typed(verb, &args);
    let events = args.build.openlineage.as_deref().map(|file| world.path(file));
    let choice = Choice {
        full_refresh: args.full_refresh,
        fail_fast: args.build.fail_fast,
        store_failures: args.build.store_failures,
        event_time_start: args.build.event_time_start,
        event_time_end: args.build.event_time_end,
        ..with_state(choice(args.selection), &args.state, world)
    };
    let run = Run { verb, choice, command, events };
    let outcome = watched(console, &context, run).await?;
    close(console, &outcome)
}

/// What is to run.
pub(super) struct Run {
    pub(super) verb: Verb,
    pub(super) choice: Choice,
    pub(super) command: String,
    /// The file of its OpenLineage events.
    pub(super) events: Option<std::path::PathBuf>,
}

/// Runs with progress on the console, to the end or to the second Ctrl-C.
pub(super) async fn watched(console: &Console, context: &Context, run: Run) -> Result<RunOutcome, Diagnostics> {
    let Run { verb, choice, command, events } = run;
    // `test` is asked about tests, so each has a line of its own.
    let watch = Arc::new(Watch::new(*console, verb != Verb::Test));
    let observer: Arc<dyn RunObserver> = match events {
        Some(file) => Arc::new(EventFile::open(&file, Arc::clone(&context.clock), watch.clone())?),
        None => watch.clone(),
    };
    let options = RunOptions { verb, choice, command, observer };
    let told = || watch.say("\nstopping: the running nodes clean up; press Ctrl-C again to stop at once\n");
    let outcome = interrupt::cancelling(&context.cancel, told, ops::run(context, options)).await;
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

pub(super) fn choice(selection: SelectionArgs) -> Choice {
    Choice {
        select: selection.names.into_iter().chain(selection.select).collect(),
        exclude: selection.exclude,
        selector: selection.selector,
        kinds: selection.resource_type,
        without_kinds: selection.exclude_resource_type,
        indirect: selection.indirect_selection,
        ..Choice::default()
    }
}

/// The same, beside an earlier state.
pub(super) fn with_state(choice: Choice, state: &StateArgs, world: &World) -> Choice {
    let defer = match (state.defer, state.favor_state) {
        (false, _) => None,
        (true, false) => Some(Defer::Missing),
        (true, true) => Some(Defer::Always),
    };
    Choice { state: state.state.as_deref().map(|dir| world.path(dir)), defer, ..choice }
}

/// The command as the reports name it.
fn typed(verb: Verb, args: &RunArgs) -> String {
    let mut words = vec![verb.word().to_owned()];
    let selection = &args.selection;
    words.extend(selection.names.iter().chain(&selection.select).cloned());
    let lists = [
        ("--exclude", &selection.exclude),
        ("--resource-type", &selection.resource_type),
        ("--exclude-resource-type", &selection.exclude_resource_type),
    ];
    for (flag, values) in lists {
        words.extend(values.iter().map(|value| format!("{flag} {value}")));
    }
    let values = [
        ("--selector", &selection.selector),
        ("--indirect-selection", &selection.indirect_selection),
        ("--event-time-start", &args.build.event_time_start),
        ("--event-time-end", &args.build.event_time_end),
    ];
    words.extend(values.iter().filter_map(|(flag, value)| Some(format!("{flag} {}", value.as_ref()?))));
    let flags = [
        ("--full-refresh", args.full_refresh),
        ("--fail-fast", args.build.fail_fast),
        ("--store-failures", args.build.store_failures),
        ("--defer", args.state.defer),
        ("--favor-state", args.state.favor_state),
    ];
    words.extend(flags.iter().filter(|(_, said)| *said).map(|(flag, _)| (*flag).to_owned()));
    words.join(" ")
}
