//! Incremental models of every strategy.

use std::collections::{BTreeMap, BTreeSet};

use super::kind::{Asked, Kind, Round, Sort, Years};
use super::source::{Manners, Row, Source};
use super::subject::Moments;

/// How many years before the newest a microbatch looks back.
const LOOKBACK: i32 = 2;

/// How far it looks back to see all.
const FAR: i32 = 20;

/// A strategy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Strategy {
    Append,
    Merge,
    /// A merge into columns that come and go with the model's code.
    MergeColumns,
    /// A merge with a statement after it.
    MergeThenHook,
    DeleteInsert,
    InsertOverwrite,
    Microbatch,
}

/// What an incremental table holds.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Table {
    rows: BTreeMap<i64, Row>,
    /// What the column says that comes and goes, where it says something; `None` while it is gone.
    labels: Option<BTreeMap<i64, i64>>,
    /// The end of the newest year that a microbatch computed.
    newest: Option<i32>,
}

impl Table {
    /// Adds rows of the source, in place of those with their ids.
    fn put(&mut self, source: &Source, wanted: impl Fn(i64, &Row) -> bool) {
        let rows = source.rows.iter().filter(|(id, row)| wanted(**id, row));
        self.rows.extend(rows.map(|(id, row)| (*id, row.clone())));
    }
}

/// What a run begins with.
fn begun(table: &Table, round: Round<'_>) -> Table {
    if round.asked == Asked::Refresh { Table::default() } else { table.clone() }
}

/// Whether the model has the column that comes and goes.
fn is_labelled(sort: Sort, round: usize) -> bool {
    sort == Sort::Any && round.is_multiple_of(2)
}

impl Strategy {
    /// What the commits of a merge into other columns leave: those that are gone go first.
    fn columns(table: &Table, round: Round<'_>) -> Vec<Table> {
        let mut table = begun(table, round);
        let mut commits = Vec::new();
        if !is_labelled(round.sort, round.number) {
            if table.labels.take().is_some() {
                commits.push(table.clone());
            }
        } else if table.labels.is_none() {
            table.labels = Some(BTreeMap::new());
        }
        commits.push(Self::MergeColumns.whole(&table, Round { asked: Asked::Plain, ..round }));
        commits
    }

    /// What the commits of a merge and of the statement after it leave.
    fn then_hook(table: &Table, round: Round<'_>) -> Vec<Table> {
        let merged = Self::MergeThenHook.whole(table, round);
        let mut hooked = merged.clone();
        for row in hooked.rows.values_mut().filter(|row| !row.name.ends_with('!')) {
            row.name.push('!');
        }
        vec![merged, hooked]
    }

    /// What the commit of all rows leaves.
    fn whole(self, table: &Table, round: Round<'_>) -> Table {
        let mut table = begun(table, round);
        let last_edit = table.rows.values().map(|row| row.edit).max().unwrap_or(-1);
        match self {
            Self::Append => {
                let last = table.rows.keys().last().copied().unwrap_or(-1);
                table.put(round.source, |id, _| id > last);
            }
            Self::Merge | Self::MergeThenHook => table.put(round.source, |_, row| row.edit > last_edit),
            Self::MergeColumns => {
                table.put(round.source, |_, row| row.edit > last_edit);
                let new = round.source.rows.iter().filter(|(_, row)| row.edit > last_edit);
                table.labels.iter_mut().for_each(|labels| labels.extend(new.clone().map(|(id, row)| (*id, row.edit))));
            }
            _ => {
                let new = round.source.rows.values().filter(|row| row.edit > last_edit);
                let years: BTreeSet<i32> = new.map(|row| row.year).collect();
                table.rows.retain(|_, row| !years.contains(&row.year));
                table.put(round.source, |_, row| years.contains(&row.year));
            }
        }
        table
    }

    /// What the commits of a microbatch leave, one for each year.
    fn spans(table: &Table, round: Round<'_>) -> Vec<Table> {
        let lookback = if round.sort == Sort::Seen { FAR } else { LOOKBACK };
        let mut table = begun(table, round);
        let Years { first, this } = round.years;
        let (from, to) = match (round.asked, table.newest) {
            (Asked::Years(from, to), _) => (from, to),
            (_, None) => (first, this + 1),
            (_, Some(newest)) => ((newest - lookback - 1).max(first), (this + 1).max(newest)),
        };
        let mut commits = Vec::new();
        for year in from..to {
            table.rows.retain(|_, row| row.year != year);
            table.put(round.source, |_, row| row.year == year);
            table.newest = table.newest.max(Some(year + 1));
            commits.push(table.clone());
        }
        commits
    }
}

impl Kind for Strategy {
    type State = Table;

    const IS_HISTORY: bool = false;

    fn file(self, (sort, round): (Sort, usize), years: Years) -> (&'static str, &'static str, String) {
        let changed = "year in (select year from {{ ref('events') }} where edit > (select coalesce(max(edit), -1) from {{ this }}))";
        let (config, condition) = match self {
            Self::Append => {
                ("incremental_strategy='append'".to_owned(), "id > (select coalesce(max(id), -1) from {{ this }})")
            }
            Self::Merge => (
                "incremental_strategy='merge', unique_key='id'".to_owned(),
                "edit > (select coalesce(max(edit), -1) from {{ this }})",
            ),
            Self::MergeColumns => (
                "incremental_strategy='merge', unique_key='id', on_schema_change='sync_all_columns'".to_owned(),
                "edit > (select coalesce(max(edit), -1) from {{ this }})",
            ),
            Self::MergeThenHook => (
                "incremental_strategy='merge', unique_key='id', post_hook=\"update {{ this }} set name = concat(name, '!') where \
                 name not like '%!'\""
                    .to_owned(),
                "edit > (select coalesce(max(edit), -1) from {{ this }})",
            ),
            Self::DeleteInsert => ("incremental_strategy='delete+insert', unique_key='year'".to_owned(), changed),
            Self::InsertOverwrite => {
                ("incremental_strategy='insert_overwrite', partition_by='year'".to_owned(), changed)
            }
            Self::Microbatch => {
                let (begin, lookback) = (years.first, if sort == Sort::Seen { FAR } else { LOOKBACK });
                let config = format!(
                    "incremental_strategy='microbatch', event_time='at', batch_size='year', begin='{begin}-01-01', \
                     lookback={lookback}"
                );
                (config, "true")
            }
        };
        let label = if self == Self::MergeColumns && is_labelled(sort, round) { ", edit as label" } else { "" };
        let text = format!(
            "{{{{ config(materialized='incremental', {config}) }}}}\nselect id, at, year, edit, name{label} from {{{{ \
             ref('events') }}}}\n{{% if is_incremental() %}}where {condition}{{% endif %}}\n"
        );
        ("main.things", "models/things.sql", text)
    }

    fn manners(self, sort: Sort) -> Manners {
        match (sort, self) {
            (Sort::Any, _) | (_, Self::Microbatch) => Manners::Any,
            (_, Self::Append) => Manners::OnlyAdded,
            (_, Self::Merge | Self::MergeColumns | Self::MergeThenHook) => Manners::Marked,
            (_, Self::DeleteInsert | Self::InsertOverwrite) => Manners::Witnessed,
        }
    }

    fn asks(self, years: Years) -> Vec<Asked> {
        let mut asks = vec![Asked::Plain, Asked::Plain, Asked::Plain, Asked::Refresh];
        if self == Self::Microbatch {
            asks.push(Asked::Years(years.first, years.first + 3));
        }
        asks
    }

    fn commits(self, table: &Table, round: Round<'_>) -> Vec<Table> {
        match self {
            Self::Microbatch => Self::spans(table, round),
            Self::MergeColumns => Self::columns(table, round),
            Self::MergeThenHook => Self::then_hook(table, round),
            _ => vec![self.whole(table, round)],
        }
    }

    fn lines(self, table: &Table) -> Vec<String> {
        let label = |id: &i64| match &table.labels {
            None => String::new(),
            Some(labels) => format!(" {}", labels.get(id).map(i64::to_string).unwrap_or_default()),
        };
        let line = |(id, row): (&i64, &Row)| format!("{id} {} {} {}{}", row.year, row.edit, row.name, label(id));
        let mut lines: Vec<String> = table.rows.iter().map(line).collect();
        lines.sort_unstable();
        lines
    }

    fn query(self) -> String {
        "select * except (at) from main.things".to_owned()
    }

    fn line(self, cells: &[String], _: &Moments) -> String {
        cells.join(" ")
    }
}
