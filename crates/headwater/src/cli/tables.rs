//! `headwater tables`.

use chrono::{DateTime, TimeDelta, Utc};
use clap::{Args, Subcommand};

use super::parse::{parse_duration, parse_instant};
use super::{FormatArgs, ListArgs, ProjectArgs};

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct TablesArgs {
    #[command(subcommand)]
    pub(crate) verb: Option<TablesVerb>,
    #[command(flatten)]
    pub(crate) list: ListArgs,
}

/// What to see of the tables.
#[derive(Debug, Subcommand)]
pub(crate) enum TablesVerb {
    /// All tables and views (what `headwater tables` does)
    List(ListArgs),
    /// One table: its columns, size and origin
    Show(TableArgs),
    /// The versions of one table
    History(TableArgs),
    /// Rewrite small files as fewer and larger ones, sorted by `cluster_by`
    Optimize(OptimizeArgs),
    /// Remove the files that no version of the last days needs
    Vacuum(VacuumArgs),
    /// Make an earlier version of a table the newest again
    Restore(RestoreArgs),
}

#[derive(Debug, Args)]
pub(crate) struct TableArgs {
    /// The table: `schema.name`
    pub(crate) name: String,
    #[command(flatten)]
    pub(crate) output: FormatArgs,
    #[command(flatten)]
    pub(crate) project: ProjectArgs,
}

#[derive(Debug, Args)]
pub(crate) struct OptimizeArgs {
    /// The tables: `schema.name` [default: all]
    #[arg(value_name = "NAME")]
    pub(crate) names: Vec<String>,
    /// Say what would be done, and do nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) output: FormatArgs,
    #[command(flatten)]
    pub(crate) project: ProjectArgs,
}

#[derive(Debug, Args)]
pub(crate) struct VacuumArgs {
    /// The tables: `schema.name` [default: all]
    #[arg(value_name = "NAME")]
    pub(crate) names: Vec<String>,
    /// For how long earlier versions stay readable, such as `30d` or `12h` [default: 7d]
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    pub(crate) retain: Option<TimeDelta>,
    /// Say what would be done, and do nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) output: FormatArgs,
    #[command(flatten)]
    pub(crate) project: ProjectArgs,
}

#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("to").required(true))]
pub(crate) struct RestoreArgs {
    /// The table: `schema.name`
    pub(crate) name: String,
    /// The version, as `headwater tables history` numbers it
    #[arg(long, value_name = "N", group = "to")]
    pub(crate) to_version: Option<u64>,
    /// The version that was the newest at this instant: `2026-01-31`, `2026-01-31T12:00:00Z`
    #[arg(long, value_name = "TIME", group = "to", value_parser = parse_instant)]
    pub(crate) to_timestamp: Option<DateTime<Utc>>,
    /// Say what would be done, and do nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) output: FormatArgs,
    #[command(flatten)]
    pub(crate) project: ProjectArgs,
}
