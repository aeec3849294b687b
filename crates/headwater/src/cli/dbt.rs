//! The flags and verbs that dbt's users know.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum, ValueHint};

use super::{FormatArgs, ProjectArgs, RowsFormat};

/// Which nodes.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Selection")]
pub(crate) struct SelectionArgs {
    /// Nodes to take, in dbt's syntax: `gold.daily_metrics`, `+users`, `tag:daily`, `state:modified+`
    #[arg(value_name = "SELECT", help_heading = None)]
    pub(crate) names: Vec<String>,
    /// The same as a flag
    #[arg(long, short = 's', alias = "models", short_alias = 'm', value_name = "SELECT", num_args = 1..)]
    pub(crate) select: Vec<String>,
    /// Nodes to leave out
    #[arg(long, value_name = "SELECT", num_args = 1..)]
    pub(crate) exclude: Vec<String>,
    /// A selection of `selectors.yml`
    #[arg(long, value_name = "NAME")]
    pub(crate) selector: Option<String>,
    /// Kinds of node to keep: `model`, `seed`, `snapshot`, `test`, `unit_test`, `source`, `exposure`
    #[arg(long, alias = "resource-types", value_name = "KIND", num_args = 1..)]
    pub(crate) resource_type: Vec<String>,
    /// Kinds of node to leave out
    #[arg(long, alias = "exclude-resource-types", value_name = "KIND", num_args = 1..)]
    pub(crate) exclude_resource_type: Vec<String>,
    /// Which tests come along: `eager` (of any selected node), `cautious`, `buildable`, `empty`
    #[arg(long, value_name = "MODE")]
    pub(crate) indirect_selection: Option<String>,
}

/// What an earlier run left.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "State")]
pub(crate) struct StateArgs {
    /// The folder of an earlier `manifest.json`, for `state:`, `result:` and `--defer`
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) state: Option<PathBuf>,
    /// Read what is not selected and not there from where the earlier state has it
    #[arg(long, overrides_with = "no_defer")]
    pub(crate) defer: bool,
    #[arg(long, hide = true, overrides_with = "defer")]
    no_defer: bool,
    /// With `--defer`: read it from there even if it is here too
    #[arg(long, overrides_with = "no_favor_state")]
    pub(crate) favor_state: bool,
    #[arg(long, hide = true, overrides_with = "favor_state")]
    no_favor_state: bool,
}

/// How to build.
#[derive(Debug, Default, Args)]
pub(crate) struct BuildArgs {
    /// Begin nothing more after the first failure
    #[arg(long, short = 'x', overrides_with = "no_fail_fast")]
    pub(crate) fail_fast: bool,
    #[arg(long, hide = true, overrides_with = "fail_fast")]
    no_fail_fast: bool,
    /// Keep the rows that tests find, each in a table of its own
    #[arg(long, overrides_with = "no_store_failures")]
    pub(crate) store_failures: bool,
    #[arg(long, hide = true, overrides_with = "store_failures")]
    no_store_failures: bool,
    /// For microbatch models: the first instant to build anew
    #[arg(long, value_name = "TIME")]
    pub(crate) event_time_start: Option<String>,
    /// For microbatch models: the instant to build up to
    #[arg(long, value_name = "TIME")]
    pub(crate) event_time_end: Option<String>,
    /// Add OpenLineage events to this file, one a line
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) openlineage: Option<PathBuf>,
    /// dbt's, refused by name
    #[arg(long, hide = true)]
    pub(crate) empty: bool,
}

#[derive(Debug, Args)]
pub(crate) struct CompileArgs {
    /// SQL with Jinja to compile in place of a selection
    #[arg(long, value_name = "SQL", conflicts_with_all = ["names", "select", "exclude", "selector"])]
    pub(crate) inline: Option<String>,
    /// Compile as for a full refresh: `is_incremental()` is false
    #[arg(long, short = 'f')]
    pub(crate) full_refresh: bool,
    /// Print what a job of that engine would execute in place of writing files
    #[arg(long, value_enum, value_name = "ENGINE", conflicts_with = "inline")]
    pub(crate) engine: Option<LoweredEngine>,
    #[command(flatten)]
    pub(crate) output: FormatArgs,
    #[command(flatten)]
    pub(crate) selection: SelectionArgs,
    #[command(flatten)]
    pub(crate) state: StateArgs,
    #[command(flatten)]
    pub(crate) project: ProjectArgs,
}

/// An engine to which a project is lowered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LoweredEngine {
    Spark,
}

#[derive(Debug, Args)]
pub(crate) struct ShowArgs {
    /// SQL with Jinja to show the rows of in place of a model's
    #[arg(long, value_name = "SQL", conflicts_with_all = ["names", "select", "exclude", "selector"])]
    pub(crate) inline: Option<String>,
    /// How many rows; 0 shows all
    #[arg(long, value_name = "N", default_value_t = 5)]
    pub(crate) limit: u64,
    /// How to write the rows
    #[arg(long, value_enum, default_value_t = RowsFormat::Table, value_name = "FORMAT")]
    pub(crate) format: RowsFormat,
    #[command(flatten)]
    pub(crate) selection: SelectionArgs,
    #[command(flatten)]
    pub(crate) state: StateArgs,
    #[command(flatten)]
    pub(crate) project: ProjectArgs,
}

#[derive(Debug, Args)]
pub(crate) struct NodesArgs {
    /// What to say of each node
    #[arg(long, value_enum, default_value_t = NodeForm::Selector, value_name = "FORM")]
    pub(crate) output: NodeForm,
    /// With `--output json`: which keys
    #[arg(long, value_name = "KEY", num_args = 1.., value_delimiter = ' ')]
    pub(crate) output_keys: Vec<String>,
    #[command(flatten)]
    pub(crate) format: FormatArgs,
    #[command(flatten)]
    pub(crate) selection: SelectionArgs,
    #[command(flatten)]
    pub(crate) state: StateArgs,
    #[command(flatten)]
    pub(crate) project: ProjectArgs,
}

/// What a list says of a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum NodeForm {
    /// What selects it
    Selector,
    /// Its name
    Name,
    /// Its file
    Path,
    /// An object a line
    Json,
}

#[derive(Debug, Args)]
pub(crate) struct LineageArgs {
    /// Follow one column through the project: `revenue.amount`, `gold.revenue.amount`
    #[arg(long, value_name = "COLUMN", conflicts_with_all = ["names", "select", "exclude", "selector"])]
    pub(crate) column: Option<String>,
    /// With `--column`: follow it to what is made of it
    #[arg(long, requires = "column")]
    pub(crate) downstream: bool,
    /// Text for people, JSON, or OpenLineage's job events, one a line
    #[arg(long, value_enum, default_value_t = LineageFormat::Text, value_name = "FORMAT")]
    pub(crate) format: LineageFormat,
    #[command(flatten)]
    pub(crate) selection: SelectionArgs,
    #[command(flatten)]
    pub(crate) project: ProjectArgs,
}

/// A form of lineage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LineageFormat {
    Text,
    Json,
    Openlineage,
}

#[derive(Debug, Args)]
pub(crate) struct DiffArgs {
    /// The revision of git to compare with: a branch, a tag, a commit
    #[arg(long, value_name = "REV")]
    pub(crate) base: String,
    #[command(flatten)]
    pub(crate) output: FormatArgs,
    #[command(flatten)]
    pub(crate) project: ProjectArgs,
}

#[derive(Debug, Args)]
pub(crate) struct DocsArgs {
    #[command(subcommand)]
    pub(crate) verb: DocsVerb,
}

/// What to do with the documentation.
#[derive(Debug, Subcommand)]
pub(crate) enum DocsVerb {
    /// Write the site to `target/docs/`, and dbt's `catalog.json`
    Generate(DocsGenerateArgs),
    /// Show the site in a browser on this machine
    Serve(DocsServeArgs),
}

#[derive(Debug, Args)]
pub(crate) struct DocsGenerateArgs {
    /// How many rows of each table the site shows
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) samples: u64,
    #[command(flatten)]
    pub(crate) output: FormatArgs,
    #[command(flatten)]
    pub(crate) selection: SelectionArgs,
    #[command(flatten)]
    pub(crate) project: ProjectArgs,
}

#[derive(Debug, Args)]
pub(crate) struct DocsServeArgs {
    /// The port; 0 takes a free one
    #[arg(long, value_name = "PORT", default_value_t = 8080)]
    pub(crate) port: u16,
    /// The address to listen on; others than this machine can reach any but `127.0.0.1`
    #[arg(long, value_name = "HOST", default_value = "127.0.0.1")]
    pub(crate) host: String,
    #[command(flatten)]
    pub(crate) project: ProjectArgs,
}

#[derive(Debug, Args)]
pub(crate) struct DepsArgs {
    /// Look for newer versions than those of `package-lock.yml`
    #[arg(long)]
    pub(crate) upgrade: bool,
    /// Write `package-lock.yml` and fetch nothing into the project
    #[arg(long)]
    pub(crate) lock: bool,
    /// Add a package to `packages.yml` first: `dbt-labs/dbt_utils@1.3.0`
    #[arg(long, value_name = "PACKAGE")]
    pub(crate) add_package: Option<String>,
    #[command(flatten)]
    pub(crate) output: FormatArgs,
    #[command(flatten)]
    pub(crate) project: ProjectArgs,
}

#[derive(Debug, Args)]
pub(crate) struct RefusedArgs {
    /// Whatever dbt takes
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, hide = true)]
    pub(crate) rest: Vec<String>,
}
