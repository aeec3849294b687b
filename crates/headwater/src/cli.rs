//! The command line: names, flags, help. Each doc comment here is what `--help` prints.

mod dbt;
mod parse;
mod sources;
mod tables;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum, ValueHint};

pub(crate) use dbt::*;
use parse::{parse_plot, parse_share, parse_threads};
pub(crate) use sources::*;
pub(crate) use tables::*;

/// Data-lake pipelines in one binary: files to tested bronze, silver and gold Delta tables.
#[derive(Debug, Parser)]
#[command(
    name = "headwater",
    bin_name = "headwater",
    version,
    propagate_version = false,
    max_term_width = 100,
    after_help = "New here? `headwater demo` builds a whole lake in a minute."
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// The verbs.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Build and query a car-rental lake, to see how everything works
    Demo(DemoArgs),
    /// Make a new project
    Init(InitArgs),
    /// Find every mistake in the project without touching data
    #[command(aliases = ["parse", "debug"])]
    Check(CheckArgs),
    /// Look for what stands in the way of a run on this machine: the lake, the engine
    Doctor(CheckArgs),
    /// Say what a run would do, and why
    Plan(PlanArgs),
    /// Load new files, build what changed, test it
    Run(RunArgs),
    /// The same as `run`, as dbt calls it
    Build(RunArgs),
    /// Load the seeds only
    Seed(RunArgs),
    /// Take the snapshots only
    Snapshot(RunArgs),
    /// Run the tests only
    Test(RunArgs),
    /// Write the SQL that the project comes to; print that of one model
    Compile(CompileArgs),
    /// Show the first rows of what a model gives now
    Show(ShowArgs),
    /// List the nodes that a selection names
    #[command(visible_alias = "ls")]
    List(NodesArgs),
    /// Say which columns a column is made of
    Lineage(LineageArgs),
    /// Say what changed since a revision, and which columns that touches
    Diff(DiffArgs),
    /// Make the project's documentation, a static site
    Docs(DocsArgs),
    /// Fetch the packages that the project uses
    Deps(DepsArgs),
    /// Take away what can be made again: `target/`
    Clean(ListArgs),
    /// Ask the lake something in Spark SQL
    Query(QueryArgs),
    /// See what has arrived for the sources, what is loaded, what waits
    Sources(SourcesArgs),
    /// See the rows that were set aside; load them once they are mended
    Quarantine(QuarantineArgs),
    /// Write a contract from sampled files
    Infer(InferArgs),
    /// Look at the tables of the lake, and after them
    Tables(TablesArgs),
    /// Look at earlier runs
    Runs(RunsArgs),
    /// Write test data that keeps the sources' contracts
    Generate(GenerateArgs),
    /// Print a script that completes commands in your shell
    Completions(CompletionsArgs),
    /// Print or write the JSON Schemas of the project's files
    #[command(hide = true)]
    Schema(SchemaArgs),
    /// Execute one step of a bundle, for a job of Spark
    #[command(hide = true)]
    ExecuteStep(ExecuteStepArgs),
    /// dbt's, refused by name
    #[command(hide = true)]
    RunOperation(RefusedArgs),
    /// dbt's, refused by name
    #[command(hide = true)]
    Source(RefusedArgs),
    /// dbt's, refused by name
    #[command(hide = true)]
    Retry(RefusedArgs),
    /// dbt's, refused by name
    #[command(hide = true)]
    Clone(RefusedArgs),
}

/// Which project, where.
#[derive(Debug, Args)]
#[command(next_help_heading = "Project")]
pub(crate) struct ProjectArgs {
    /// The project's folder, or one inside it
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) project_dir: Option<PathBuf>,
    /// The environment of `headwater.yml` to use
    #[arg(long = "env", short = 't', visible_alias = "target", value_name = "NAME")]
    pub(crate) environment: Option<String>,
    /// Values for `var()`, as a YAML or JSON map: `{incoming: /data}`
    #[arg(long, value_name = "MAP")]
    pub(crate) vars: Option<String>,
}

/// How to answer.
#[derive(Debug, Args)]
pub(crate) struct FormatArgs {
    /// Text for people, or JSON on standard output for programs
    #[arg(long, value_enum, default_value_t = Format::Text, value_name = "FORMAT")]
    pub(crate) format: Format,
}

#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    #[command(flatten)]
    pub(crate) output: FormatArgs,
    #[command(flatten)]
    pub(crate) project: ProjectArgs,
}

/// A command's form of answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    Text,
    Json,
}

#[derive(Debug, Args)]
pub(crate) struct DemoArgs {
    /// The folder to make the project in
    #[arg(default_value = "car-rental-demo", value_hint = ValueHint::DirPath)]
    pub(crate) dir: PathBuf,
    #[command(flatten)]
    pub(crate) output: FormatArgs,
}

#[derive(Debug, Args)]
pub(crate) struct InitArgs {
    /// The folder to make the project in
    #[arg(default_value = ".", value_hint = ValueHint::DirPath)]
    pub(crate) dir: PathBuf,
    /// What to begin with
    #[arg(long, default_value = "empty", value_name = "TEMPLATE")]
    pub(crate) template: String,
    #[command(flatten)]
    pub(crate) output: FormatArgs,
}

#[derive(Debug, Args)]
pub(crate) struct CheckArgs {
    #[command(flatten)]
    pub(crate) output: FormatArgs,
    #[command(flatten)]
    pub(crate) project: ProjectArgs,
}

#[derive(Debug, Args)]
pub(crate) struct ExecuteStepArgs {
    /// The bundle
    #[arg(long, value_name = "FILE")]
    pub(crate) bundle: PathBuf,
    /// The node
    #[arg(long, value_name = "ID")]
    pub(crate) node: String,
    /// The file of the answer
    #[arg(long, value_name = "FILE")]
    pub(crate) answer: PathBuf,
    #[command(flatten)]
    pub(crate) project: ProjectArgs,
}

#[derive(Debug, Args)]
pub(crate) struct PlanArgs {
    /// Plan to build everything anew
    #[arg(long, short = 'f')]
    pub(crate) full_refresh: bool,
    #[command(flatten)]
    pub(crate) output: FormatArgs,
    #[command(flatten)]
    pub(crate) selection: SelectionArgs,
    #[command(flatten)]
    pub(crate) state: StateArgs,
    #[command(flatten)]
    pub(crate) project: ProjectArgs,
}

#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    /// Load every file again and build every model anew
    #[arg(long, short = 'f', overrides_with = "no_full_refresh")]
    pub(crate) full_refresh: bool,
    #[arg(long, hide = true, overrides_with = "full_refresh")]
    no_full_refresh: bool,
    /// How many nodes run side by side [default: one for each processor]
    #[arg(long, value_name = "N", value_parser = parse_threads)]
    pub(crate) threads: Option<usize>,
    #[command(flatten)]
    pub(crate) build: BuildArgs,
    #[command(flatten)]
    pub(crate) output: FormatArgs,
    #[command(flatten)]
    pub(crate) selection: SelectionArgs,
    #[command(flatten)]
    pub(crate) state: StateArgs,
    #[command(flatten)]
    pub(crate) project: ProjectArgs,
}

#[derive(Debug, Args)]
pub(crate) struct QueryArgs {
    /// The query; `-` reads it from standard input
    pub(crate) sql: String,
    /// How to write the rows [default: table; with --output, by the file's ending]
    #[arg(long, value_enum, value_name = "FORMAT")]
    pub(crate) format: Option<RowsFormat>,
    /// Write the rows to this file, whole or not at all
    #[arg(long, short = 'o', value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) output: Option<PathBuf>,
    /// Draw a chart of two columns: `bar:x,y`
    #[arg(long, value_name = "CHART", value_parser = parse_plot, conflicts_with_all = ["format", "output"])]
    pub(crate) plot: Option<Plot>,
    /// How many rows a table or chart shows; 0 shows all
    #[arg(long, value_name = "N", default_value_t = 40)]
    pub(crate) limit: usize,
    #[command(flatten)]
    pub(crate) project: ProjectArgs,
}

/// A form of rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum RowsFormat {
    Table,
    Csv,
    Json,
    Parquet,
}

/// A chart of two columns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Plot {
    /// The column of labels.
    pub(crate) x: String,
    /// The column of values.
    pub(crate) y: String,
}

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct RunsArgs {
    #[command(subcommand)]
    pub(crate) verb: Option<RunsVerb>,
    #[command(flatten)]
    pub(crate) list: RunsListArgs,
}

/// What to see of the runs.
#[derive(Debug, Subcommand)]
pub(crate) enum RunsVerb {
    /// The last runs, newest first (what `headwater runs` does)
    List(RunsListArgs),
    /// One run, node by node
    Show(RunArg),
}

#[derive(Debug, Args)]
pub(crate) struct RunsListArgs {
    /// How many runs
    #[arg(long, default_value_t = 20, value_name = "N")]
    pub(crate) limit: usize,
    #[command(flatten)]
    pub(crate) output: FormatArgs,
    #[command(flatten)]
    pub(crate) project: ProjectArgs,
}

#[derive(Debug, Args)]
pub(crate) struct RunArg {
    /// The run's id or its beginning
    #[arg(default_value = "latest")]
    pub(crate) id: String,
    #[command(flatten)]
    pub(crate) output: FormatArgs,
    #[command(flatten)]
    pub(crate) project: ProjectArgs,
}

#[derive(Debug, Args)]
pub(crate) struct GenerateArgs {
    /// Rows of the largest tables; the others keep their proportion
    #[arg(long, value_name = "N")]
    pub(crate) rows: Option<u64>,
    /// The same seed gives the same files
    #[arg(long, value_name = "N", default_value_t = 42)]
    pub(crate) seed: u64,
    /// The share of rows to spoil, from 0 to 1
    #[arg(long, value_name = "SHARE", default_value_t = 0.0, value_parser = parse_share)]
    pub(crate) dirty: f64,
    /// Write over files that are there
    #[arg(long)]
    pub(crate) force: bool,
    #[command(flatten)]
    pub(crate) output: FormatArgs,
    #[command(flatten)]
    pub(crate) project: ProjectArgs,
}

#[derive(Debug, Args)]
pub(crate) struct CompletionsArgs {
    /// The shell
    #[arg(value_enum)]
    pub(crate) shell: clap_complete::Shell,
}

#[derive(Debug, Args)]
pub(crate) struct SchemaArgs {
    /// Write the files into this folder
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) output: Option<PathBuf>,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_definition_is_sound() {
        Cli::command().debug_assert();
    }
}
