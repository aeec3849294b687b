//! `headwater sources`, `headwater quarantine`, `headwater infer`.

use chrono::{DateTime, Utc};
use clap::{Args, Subcommand, ValueHint};

use super::parse::parse_instant;
use super::{FormatArgs, ListArgs, ProjectArgs};

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct SourcesArgs {
    #[command(subcommand)]
    pub(crate) verb: Option<SourcesVerb>,
    #[command(flatten)]
    pub(crate) list: ListArgs,
}

/// What to see of the sources, or to do.
#[derive(Debug, Subcommand)]
pub(crate) enum SourcesVerb {
    /// Every source: what is loaded, what waits (what `headwater sources` does)
    List(ListArgs),
    /// One source, batch by batch and file by file
    Show(SourceShowArgs),
    /// Count files as never loaded, so that the next run loads them again beside their rows
    Forget(ForgetArgs),
    /// Forget all files that were loaded since an instant
    Reload(ReloadArgs),
}

#[derive(Debug, Args)]
pub(crate) struct SourceShowArgs {
    /// The source's table: `rental.rentals`
    #[arg(value_name = "SOURCE")]
    pub(crate) name: String,
    /// How many files it names of each kind; 0 names all
    #[arg(long, default_value_t = 10, value_name = "N")]
    pub(crate) limit: usize,
    #[command(flatten)]
    pub(crate) output: FormatArgs,
    #[command(flatten)]
    pub(crate) project: ProjectArgs,
}

#[derive(Debug, Args)]
pub(crate) struct ForgetArgs {
    /// The files, as `headwater sources show` names them
    #[arg(value_name = "FILE", required = true, value_hint = ValueHint::FilePath)]
    pub(crate) files: Vec<String>,
    #[command(flatten)]
    pub(crate) output: FormatArgs,
    #[command(flatten)]
    pub(crate) project: ProjectArgs,
}

#[derive(Debug, Args)]
pub(crate) struct ReloadArgs {
    /// The source's table: `rental.rentals`
    #[arg(value_name = "SOURCE")]
    pub(crate) name: String,
    /// Files of batches that were planned since then: `2026-01-31`, `2026-01-31T12:00:00Z`
    #[arg(long, value_name = "TIME", value_parser = parse_instant)]
    pub(crate) since: DateTime<Utc>,
    #[command(flatten)]
    pub(crate) output: FormatArgs,
    #[command(flatten)]
    pub(crate) project: ProjectArgs,
}

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct QuarantineArgs {
    #[command(subcommand)]
    pub(crate) verb: Option<QuarantineVerb>,
    #[command(flatten)]
    pub(crate) list: ListArgs,
}

/// What to see of the rows that were set aside, or to do with them.
#[derive(Debug, Subcommand)]
pub(crate) enum QuarantineVerb {
    /// How many rows each source has set aside, and why (what `headwater quarantine` does)
    List(ListArgs),
    /// The rows of one source: file, line, raw text, every reason
    Show(QuarantineShowArgs),
    /// Run their raw text through today's contract, and load what fits now, exactly once
    Replay(QuarantineArg),
    /// Remove them for good
    Drop(QuarantineDropArgs),
}

#[derive(Debug, Args)]
pub(crate) struct QuarantineShowArgs {
    /// The source's table: `rental.rentals`
    #[arg(value_name = "SOURCE")]
    pub(crate) name: String,
    /// How many rows
    #[arg(long, default_value_t = 20, value_name = "N")]
    pub(crate) limit: usize,
    #[command(flatten)]
    pub(crate) output: FormatArgs,
    #[command(flatten)]
    pub(crate) project: ProjectArgs,
}

#[derive(Debug, Args)]
pub(crate) struct QuarantineArg {
    /// The source's table: `rental.rentals`
    #[arg(value_name = "SOURCE")]
    pub(crate) name: String,
    #[command(flatten)]
    pub(crate) output: FormatArgs,
    #[command(flatten)]
    pub(crate) project: ProjectArgs,
}

#[derive(Debug, Args)]
pub(crate) struct QuarantineDropArgs {
    /// The source's table: `rental.rentals`
    #[arg(value_name = "SOURCE")]
    pub(crate) name: String,
    /// Only the rows of this file
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) file: Option<String>,
    #[command(flatten)]
    pub(crate) output: FormatArgs,
    #[command(flatten)]
    pub(crate) project: ProjectArgs,
}

#[derive(Debug, Args)]
pub(crate) struct InferArgs {
    /// Files of one table, or patterns and URLs of them
    #[arg(value_name = "FILE", required = true, value_hint = ValueHint::FilePath)]
    pub(crate) files: Vec<String>,
    /// The source's name in the YAML [default: the folder's]
    #[arg(long, value_name = "NAME")]
    pub(crate) source: Option<String>,
    /// The table's name in the YAML [default: what the files' names begin with]
    #[arg(long, value_name = "NAME")]
    pub(crate) table: Option<String>,
    #[command(flatten)]
    pub(crate) output: FormatArgs,
    #[command(flatten)]
    pub(crate) project: ProjectArgs,
}
