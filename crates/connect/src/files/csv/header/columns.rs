//! Which cell of a file goes to which column of the table.

use std::sync::Arc;

use headwater_plan::diagnostic::did_you_mean;
use headwater_plan::ingest::OnSchemaChange;
use headwater_plan::{Contract, DataType, Field};

use super::{Header, HeaderProblem, HeaderProblemKind};
use crate::files::contract::{Column, is_reserved};
use crate::files::open::Entry;
use crate::files::value::column::{Bad, Values};
use crate::files::value::text::Nulls;

const SEPARATORS: [char; 4] = [',', ';', '\t', '|'];

/// The columns of a file.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct FileColumns {
    /// The names in the header, or those that stand in for them.
    pub(crate) names: Arc<Vec<String>>,
    /// Where each column of the contract comes from.
    pub(crate) sources: Vec<Source>,
    /// The cells whose values are kept as JSON, and their keys.
    pub(crate) rescued: Vec<(usize, String)>,
    /// The cells that go to added columns, with the index of the column.
    pub(crate) added: Vec<(usize, usize)>,
}

/// Where a column comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Source {
    /// The cell of that number, from 0.
    Cell(usize),
    /// The same text in every row, or null: the name of a folder, or nothing at all, so that the default stands in.
    Given(Option<String>),
}

/// The columns that files have and the contract has not, in the order in which they were met.
#[derive(Debug, Default)]
pub(crate) struct Added {
    pub(crate) fields: Vec<Field>,
}

impl Added {
    fn index(&mut self, name: &str) -> usize {
        let known = self.fields.iter().position(|field| field.name.eq_ignore_ascii_case(name));
        known.unwrap_or_else(|| {
            self.fields.push(Field::new(name, DataType::String));
            self.fields.len() - 1
        })
    }
}

/// What headers are held against.
pub(crate) struct Mapping<'a> {
    pub(crate) contract: &'a Contract,
    pub(crate) columns: &'a [Column],
    pub(crate) on_schema_change: OnSchemaChange,
    pub(crate) sep: String,
    pub(crate) quote: Option<char>,
    /// Whether the files name their columns.
    pub(crate) header: bool,
}

impl Mapping<'_> {
    /// The names as a file without a header has them: those of the contract, but for what its path gives.
    fn positional(&self, entry: &Entry) -> Vec<String> {
        let names = self.contract.columns.iter().map(headwater_plan::ContractColumn::name_in_file);
        names.filter(|name| entry.partition(name).is_none()).map(str::to_owned).collect()
    }

    fn known(&self, name: &str) -> bool {
        self.contract.columns.iter().any(|column| column.name_in_file().eq_ignore_ascii_case(name))
    }

    /// The columns of a file, or all that is wrong with them.
    pub(super) fn of_header(
        &self,
        header: &Header,
        entry: &Entry,
        added: &mut Added,
    ) -> Result<FileColumns, Vec<HeaderProblem>> {
        let named = if self.header && !header.empty {
            header.names().map_err(|kind| vec![header.problem(entry, (0, 1), kind)])?
        } else {
            self.positional(entry).into_iter().map(|name| (name, (0, 1))).collect()
        };
        let (names, spans): (Vec<String>, Vec<_>) = named.into_iter().unzip();
        if let Some(kind) = self.wrong_delimiter(header, entry, &names) {
            return Err(vec![header.problem(entry, (0, 1), kind)]);
        }
        self.columns(names, entry, added).map_err(|found| {
            let place = |cell: Option<usize>| cell.map_or((0, 1), |cell| spans[cell]);
            found.into_iter().map(|(cell, kind)| header.problem(entry, place(cell), kind)).collect()
        })
    }

    fn wrong_delimiter(&self, header: &Header, entry: &Entry, names: &[String]) -> Option<HeaderProblemKind> {
        let needed = self
            .contract
            .columns
            .iter()
            .any(|column| column.default.is_none() && entry.partition(column.name_in_file()).is_none());
        if !needed || names.iter().any(|name| self.known(name)) {
            return None;
        }
        if super::looks_like_utf_16(header.text().as_bytes()) {
            return Some(HeaderProblemKind::NotText { encoding: header.encoding.name(), utf_16: true });
        }
        let likely = self.likely_separator(header, names.len());
        Some(HeaderProblemKind::WrongDelimiter { sep: self.sep.clone(), likely })
    }

    /// The columns of a file of these names; what is wrong, with the cell of the header if it is one.
    pub(crate) fn columns(
        &self,
        names: Vec<String>,
        entry: &Entry,
        added: &mut Added,
    ) -> Result<FileColumns, Vec<(Option<usize>, HeaderProblemKind)>> {
        let mut problems = Vec::new();
        let (mut rescued, mut to_add) = (Vec::new(), Vec::new());
        for (number, name) in names.iter().enumerate() {
            let first = names.iter().position(|other| other.eq_ignore_ascii_case(name)).unwrap_or(number);
            let again = first < number && !name.is_empty();
            let known = self.known(name);
            let change = self.on_schema_change;
            if again && (known || matches!(change, OnSchemaChange::Fail | OnSchemaChange::AddColumns)) {
                let numbers = (first + 1, number + 1);
                problems.push((Some(number), HeaderProblemKind::Duplicate { column: name.clone(), numbers }));
            } else if !known {
                let (column, number_in_file) = (name.clone(), number + 1);
                match change {
                    OnSchemaChange::Fail => {
                        let kind = HeaderProblemKind::Unexpected { column, number: number_in_file };
                        problems.push((Some(number), kind));
                    }
                    OnSchemaChange::Ignore => {}
                    OnSchemaChange::AddColumns if name.is_empty() || self.is_taken(name) => {
                        let kind = HeaderProblemKind::Reserved { column, number: number_in_file };
                        problems.push((Some(number), kind));
                    }
                    OnSchemaChange::AddColumns => to_add.push((number, name)),
                    OnSchemaChange::Rescue if again || name.is_empty() => rescued.push((number, position_name(number))),
                    OnSchemaChange::Rescue => rescued.push((number, column)),
                }
            }
        }
        let mut sources = Vec::with_capacity(self.columns.len());
        for column in self.columns {
            match self.source(column, &names, entry) {
                Ok(source) => sources.push(source),
                Err(kind) => problems.push((None, kind)),
            }
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        let added = to_add.into_iter().map(|(cell, name)| (added.index(name), cell)).collect();
        Ok(FileColumns { names: Arc::new(names), sources, rescued, added })
    }

    fn is_taken(&self, name: &str) -> bool {
        is_reserved(name) || self.contract.columns.iter().any(|column| column.name.eq_ignore_ascii_case(name))
    }

    fn source(&self, column: &Column, names: &[String], entry: &Entry) -> Result<Source, HeaderProblemKind> {
        let declared = &column.declared;
        let wanted = declared.name_in_file();
        if let Some(cell) = names.iter().position(|name| name.eq_ignore_ascii_case(wanted)) {
            return Ok(Source::Cell(cell));
        }
        let given = entry.partition(wanted);
        if given.is_none() && declared.default.is_none() {
            let unknown = names.iter().map(String::as_str).filter(|name| !name.is_empty() && !self.known(name));
            let meant = did_you_mean(wanted, unknown).map(str::to_owned);
            return Err(HeaderProblemKind::Missing { column: wanted.to_owned(), meant, found: names.to_vec() });
        }
        let value = given.cloned().flatten();
        let read = Values::new(&column.parser, 1, 0).push(value.as_deref(), Nulls::DEFAULT, &column.reading);
        match read {
            Ok(()) => Ok(Source::Given(value)),
            Err(bad) => Err(HeaderProblemKind::Partition {
                column: wanted.to_owned(),
                data_type: declared.data_type.to_string(),
                value: value.filter(|_| bad == Bad::NoValue),
            }),
        }
    }

    /// The separator by which the header names most columns of the contract, or else one that cuts a single cell.
    fn likely_separator(&self, header: &Header, cells: usize) -> Option<char> {
        let text = header.text();
        let named = |sep: char| {
            let names = text.split(sep).map(|name| name.trim().trim_matches(self.quote.unwrap_or('"')).trim());
            names.filter(|name| self.known(name)).count()
        };
        let others = SEPARATORS.into_iter().filter(|sep| self.sep != sep.to_string() && text.contains(*sep));
        let best = others.clone().map(|sep| (named(sep), sep)).filter(|(count, _)| *count > 0);
        let best = best.max_by_key(|(count, _)| *count).map(|(_, sep)| sep);
        best.or_else(|| others.clone().next().filter(|_| cells == 1))
    }
}

/// What a cell without a name of its own is called, as Spark calls it.
pub(crate) fn position_name(cell: usize) -> String {
    format!("_c{cell}")
}
