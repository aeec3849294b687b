//! The commands: each parses, calls one operation, and shows what it says.

mod dbt;
mod demo;
mod doctor;
mod infer;
mod lake;
mod maintain;
mod project;
mod quarantine;
mod query;
mod run;
mod runs;
mod shell;
mod sources;

use std::future::Future;
use std::process::ExitCode;

use headwater_ops::run::Verb;
use headwater_plan::{Diagnostic, Diagnostics};
use serde::Serialize;

use crate::cli::{
    Cli, Command, DocsArgs, DocsVerb, Format, FormatArgs, LineageFormat, QuarantineVerb, RunsVerb, SourcesVerb,
    TablesVerb,
};
use crate::console::{Console, Failure};
use crate::interrupt;
use crate::world::World;

/// The exit code of a command that did what it could, or why it did not.
pub(crate) type Outcome = Result<u8, Failure>;

/// DataFusion plans and runs by recursion, deeper than the 2 MB that threads have by default.
const STACK: usize = 16 * 1024 * 1024;

/// Does what the user said.
pub(crate) fn dispatch(cli: Cli) -> ExitCode {
    let world = World::of_process();
    let console = Console::new(format_of(&cli.command), &world.environ);
    let outcome = match cli.command {
        Command::Completions(args) => shell::completions(&console, &args),
        Command::Schema(args) => shell::schema(&console, &world, &args),
        command => on_runtime(answer(console, world, command)),
    };
    ExitCode::from(outcome.unwrap_or_else(|failure| console.fail(&failure)))
}

fn on_runtime(command: impl Future<Output = Outcome> + Send + 'static) -> Outcome {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().thread_stack_size(STACK).build();
    let runtime = runtime.map_err(|error| Diagnostic::internal("cannot start the runtime").caused_by(&error))?;
    // On a thread of the runtime, because the main thread's stack is the system's choice.
    let mut tasks = tokio::task::JoinSet::new();
    tasks.spawn_on(command, runtime.handle());
    match runtime.block_on(tasks.join_next()) {
        Some(Ok(outcome)) => outcome,
        Some(Err(error)) => Err(Diagnostic::internal("the command panicked").caused_by(&error).into()),
        None => Err(Diagnostic::internal("the command was lost").into()),
    }
}

async fn answer(console: Console, world: World, command: Command) -> Outcome {
    match command {
        Command::Demo(args) => demo::demo(&console, &world, args).await,
        Command::Init(args) => project::init(&console, &world, &args),
        Command::Check(args) => interrupt::dropping(project::check(&console, &world, &args)).await,
        Command::Doctor(args) => interrupt::dropping(doctor::doctor(&console, &world, &args)).await,
        Command::ExecuteStep(args) => doctor::execute_step(&world, &args).await,
        Command::Plan(args) => interrupt::dropping(project::plan(&console, &world, args)).await,
        Command::Generate(args) => project::generate(&console, &world, &args).await,
        Command::Run(args) => run::run(&console, &world, Verb::Run, args).await,
        Command::Build(args) => run::run(&console, &world, Verb::Build, args).await,
        Command::Seed(args) => run::run(&console, &world, Verb::Seed, args).await,
        Command::Snapshot(args) => run::run(&console, &world, Verb::Snapshot, args).await,
        Command::Test(args) => run::run(&console, &world, Verb::Test, args).await,
        Command::Compile(args) => interrupt::dropping(dbt::compile(&console, &world, args)).await,
        Command::Show(args) => interrupt::dropping(dbt::show_rows(&console, &world, args)).await,
        Command::List(args) => interrupt::dropping(dbt::list(&console, &world, args)).await,
        Command::Lineage(args) => interrupt::dropping(dbt::lineage(&console, &world, args)).await,
        Command::Diff(args) => interrupt::dropping(dbt::diff(&console, &world, &args)).await,
        Command::Docs(args) => match args.verb {
            DocsVerb::Generate(args) => interrupt::dropping(dbt::docs_generate(&console, &world, args)).await,
            DocsVerb::Serve(args) => dbt::docs_serve(&console, &world, &args).await,
        },
        // What it fetches lies in a folder that goes with it.
        Command::Deps(args) => interrupt::dropping(dbt::deps(&console, &world, args)).await,
        Command::Clean(args) => dbt::clean(&console, &world, &args),
        Command::RunOperation(args) => dbt::refused("run-operation", &args),
        Command::Source(args) => dbt::refused("source", &args),
        Command::Retry(args) => dbt::refused("retry", &args),
        Command::Clone(args) => dbt::refused("clone", &args),
        Command::Query(args) => interrupt::dropping(query::query(&console, &world, args)).await,
        Command::Sources(args) => match args.verb.unwrap_or(SourcesVerb::List(args.list)) {
            SourcesVerb::List(args) => interrupt::dropping(sources::list(&console, &world, &args)).await,
            SourcesVerb::Show(args) => interrupt::dropping(sources::show_source(&console, &world, &args)).await,
            SourcesVerb::Forget(args) => sources::forget(&console, &world, &args).await,
            SourcesVerb::Reload(args) => sources::reload(&console, &world, &args).await,
        },
        Command::Quarantine(args) => match args.verb.unwrap_or(QuarantineVerb::List(args.list)) {
            QuarantineVerb::List(args) => interrupt::dropping(quarantine::list(&console, &world, &args)).await,
            QuarantineVerb::Show(args) => interrupt::dropping(quarantine::show_rows(&console, &world, &args)).await,
            QuarantineVerb::Replay(args) => quarantine::replay(&console, &world, &args).await,
            QuarantineVerb::Drop(args) => quarantine::drop_rows(&console, &world, &args).await,
        },
        Command::Infer(args) => interrupt::dropping(infer::infer(&console, &world, args)).await,
        Command::Tables(args) => match args.verb.unwrap_or(TablesVerb::List(args.list)) {
            TablesVerb::List(args) => interrupt::dropping(lake::list(&console, &world, &args)).await,
            TablesVerb::Show(args) => interrupt::dropping(lake::show_table(&console, &world, &args)).await,
            TablesVerb::History(args) => interrupt::dropping(lake::history(&console, &world, &args)).await,
            // Each commits at once or not at all, so that stopping it leaves nothing but litter.
            TablesVerb::Optimize(args) => interrupt::dropping(maintain::optimize(&console, &world, &args)).await,
            TablesVerb::Vacuum(args) => interrupt::dropping(maintain::vacuum(&console, &world, &args)).await,
            TablesVerb::Restore(args) => interrupt::dropping(maintain::restore(&console, &world, &args)).await,
        },
        Command::Runs(args) => match args.verb.unwrap_or(RunsVerb::List(args.list)) {
            RunsVerb::List(args) => runs::list(&console, &world, &args),
            RunsVerb::Show(args) => runs::show_run(&console, &world, &args),
        },
        Command::Completions(args) => shell::completions(&console, &args),
        Command::Schema(args) => shell::schema(&console, &world, &args),
    }
}

fn format_of(command: &Command) -> Format {
    let of = |output: &FormatArgs| output.format;
    match command {
        Command::Demo(args) => of(&args.output),
        Command::Init(args) => of(&args.output),
        Command::Check(args) | Command::Doctor(args) => of(&args.output),
        Command::Plan(args) => of(&args.output),
        Command::Run(args)
        | Command::Build(args)
        | Command::Seed(args)
        | Command::Snapshot(args)
        | Command::Test(args) => of(&args.output),
        Command::Compile(args) => of(&args.output),
        Command::List(args) => of(&args.format),
        Command::Lineage(args) if args.format == LineageFormat::Json => Format::Json,
        Command::Diff(args) => of(&args.output),
        Command::Docs(DocsArgs { verb: DocsVerb::Generate(args) }) => of(&args.output),
        Command::Deps(args) => of(&args.output),
        Command::Clean(args) => of(&args.output),
        Command::Generate(args) => of(&args.output),
        Command::Infer(args) => of(&args.output),
        Command::Sources(args) => match &args.verb {
            Some(SourcesVerb::List(args)) => of(&args.output),
            Some(SourcesVerb::Show(args)) => of(&args.output),
            Some(SourcesVerb::Forget(args)) => of(&args.output),
            Some(SourcesVerb::Reload(args)) => of(&args.output),
            None => of(&args.list.output),
        },
        Command::Quarantine(args) => match &args.verb {
            Some(QuarantineVerb::List(args)) => of(&args.output),
            Some(QuarantineVerb::Show(args)) => of(&args.output),
            Some(QuarantineVerb::Replay(args)) => of(&args.output),
            Some(QuarantineVerb::Drop(args)) => of(&args.output),
            None => of(&args.list.output),
        },
        Command::Tables(args) => match &args.verb {
            Some(TablesVerb::List(args)) => of(&args.output),
            Some(TablesVerb::Show(args) | TablesVerb::History(args)) => of(&args.output),
            Some(TablesVerb::Optimize(args)) => of(&args.output),
            Some(TablesVerb::Vacuum(args)) => of(&args.output),
            Some(TablesVerb::Restore(args)) => of(&args.output),
            None => of(&args.list.output),
        },
        Command::Runs(args) => match &args.verb {
            Some(RunsVerb::List(args)) => of(&args.output),
            Some(RunsVerb::Show(args)) => of(&args.output),
            None => of(&args.list.output),
        },
        // Its rows are the data: a query that fails has none.
        Command::Query(_) | Command::Show(_) | Command::Lineage(_) | Command::Completions(_) | Command::Schema(_) => {
            Format::Text
        }
        Command::Docs(_) | Command::ExecuteStep(_) => Format::Text,
        Command::RunOperation(_) | Command::Source(_) | Command::Retry(_) | Command::Clone(_) => Format::Text,
    }
}

/// Shows an answer in the form that was asked for; `text` is not made for a program.
fn show<T: Serialize>(console: &Console, answer: &T, text: impl FnOnce(&T) -> String) -> Outcome {
    if console.is_json() {
        console.json(answer)?;
    } else {
        console.data(&text(answer))?;
    }
    Ok(0)
}

/// Tells warnings before an answer.
fn warn(console: &Console, warnings: &Diagnostics) {
    console.tell(&warnings.0);
}
