//! The columns of a file against the contract: which fills which, and how. Found before a row is read, for all files.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, BooleanArray, StructArray, UInt32Array, new_null_array};
use arrow::compute::take;
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use headwater_plan::{Contract, ContractColumn, Field, FileFormat, Location, OnSchemaChange};

use super::convert::{self, Convert, Extra, Refused};
use super::types::field_type;
use crate::files::FilesError;
use crate::files::contract::{self, Column, is_reserved};
use crate::files::open::Entry;
use crate::files::schema::{SchemaProblem, SchemaProblemKind};
use crate::files::tree::{Node, Tree};
use crate::files::value::column::{Bad, BadRows, Values};
use crate::files::value::text::Nulls;

/// The contract's columns and what builds them.
#[derive(Debug)]
pub(crate) struct Wanted {
    pub(crate) contract: Contract,
    pub(crate) columns: Vec<Column>,
    pub(crate) trees: Vec<Tree>,
    pub(crate) on_schema_change: OnSchemaChange,
}

impl Wanted {
    pub(crate) fn new(contract: &Contract, format: &FileFormat, stamp: bool) -> Result<Self, FilesError> {
        let refused = |problems| FilesError::Contract { problems };
        let columns = contract::compile(contract, format, stamp).map_err(refused)?;
        let trees = columns.iter().map(|column| Tree::of((*column.declared).clone(), format).map_err(refused));
        let trees = trees.collect::<Result<_, _>>()?;
        Ok(Self { contract: contract.clone(), trees, columns, on_schema_change: OnSchemaChange::Fail })
    }

    fn extra(&self) -> Extra {
        if self.on_schema_change == OnSchemaChange::Fail { Extra::Refused } else { Extra::LeftOut }
    }
}

/// How the columns of one file, or of many that are alike, fill those of the contract.
#[derive(Debug)]
pub(crate) struct Mapping {
    pub(crate) schema: SchemaRef,
    columns: Vec<Source>,
    /// The columns of the file that the contract has not, by their numbers.
    pub(crate) extra: Vec<usize>,
}

#[derive(Debug)]
enum Source {
    /// The file's column of that number.
    File(usize, Convert),
    /// One value for all rows: that of a folder, or the default.
    Folder,
}

impl Mapping {
    /// The mapping of a file, or all that is wrong with it.
    pub(crate) fn new(schema: SchemaRef, entry: &Entry, wanted: &Wanted) -> Result<Self, Vec<SchemaProblem>> {
        let mut kinds = Refused::new();
        let names: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
        let mut problems = Vec::new();
        let mut columns = Vec::with_capacity(wanted.columns.len());
        for (column, tree) in wanted.columns.iter().zip(&wanted.trees) {
            let name = column.declared.name_in_file();
            match find(&names, name) {
                Some(Ok(number)) => match convert::plan(schema.field(number), tree, name, wanted.extra()) {
                    Ok(how) => columns.push(Source::File(number, how)),
                    Err(found) => kinds.extend(found),
                },
                Some(Err(())) => kinds.push(SchemaProblemKind::Duplicate { column: name.to_owned() }),
                None if entry.partition(name).is_some() || column.declared.default.is_some() => {
                    columns.push(Source::Folder);
                }
                None => problems.push(SchemaProblem::missing(&entry.name, name, &names, &wanted.contract)),
            }
        }
        let known = |name: &str| wanted.columns.iter().any(|c| c.declared.name_in_file().eq_ignore_ascii_case(name));
        let extra: Vec<usize> = (0..names.len()).filter(|number| !known(names[*number])).collect();
        if wanted.on_schema_change == OnSchemaChange::Fail {
            let unexpected =
                extra.iter().map(|number| SchemaProblemKind::Unexpected { column: names[*number].to_owned() });
            kinds.extend(unexpected);
        }
        problems.extend(kinds.into_iter().map(|kind| SchemaProblem { path: entry.name.clone(), line: 1, kind }));
        if problems.is_empty() { Ok(Self { schema, columns, extra }) } else { Err(problems) }
    }

    /// The columns of the file that rows are made of, those that are only kept with a bad row left out.
    pub(crate) fn used(&self, with_extra: bool) -> Vec<usize> {
        let filled = self.columns.iter().filter_map(|source| match source {
            Source::File(number, _) => Some(*number),
            Source::Folder => None,
        });
        let mut used: Vec<usize> = filled.chain(self.extra.iter().copied().filter(|_| with_extra)).collect();
        used.sort_unstable();
        used
    }

    /// The array of a contract's column, out of the file's columns; `places` says where each is among these.
    pub(crate) fn column(
        &self,
        number: usize,
        wanted: &Wanted,
        (entry, batch, places): (&Entry, &StructArray, &[Option<usize>]),
        bad: &mut BadRows,
    ) -> Result<ArrayRef, ArrowError> {
        let (column, tree) = (&wanted.columns[number], &wanted.trees[number]);
        let rows = batch.len();
        match &self.columns[number] {
            Source::Folder => {
                let text = entry.partition(column.declared.name_in_file()).and_then(Option::as_deref);
                let (one, why) = one_value(column, tree, text);
                bad.extend(why.into_iter().flat_map(|why| (0..rows).map(move |row| (row, why))));
                take(&one, &UInt32Array::from_value(0, rows), None)
            }
            Source::File(in_file, how) => {
                let place = places.get(*in_file).copied().flatten();
                let place = place.ok_or_else(|| ArrowError::SchemaError(format!("column {in_file} was not read")))?;
                let mut found = BadRows::new();
                let array = how.apply(batch.column(place), tree, &mut found)?;
                // Texts went through the whole of the column's rules.
                let done = matches!((how, &tree.node), (Convert::Text, Node::Text(_)));
                let array = if done { array } else { completed(array, column, tree, &mut found)? };
                bad.extend(found);
                Ok(array)
            }
        }
    }

    /// How a column that the contract has not becomes one of the table; `None` if this file does not have it.
    pub(crate) fn added(&self, field: &Field) -> Option<usize> {
        self.extra.iter().copied().find(|number| self.schema.field(*number).name().eq_ignore_ascii_case(&field.name))
    }
}

/// The column of that name; two are a mistake.
fn find(names: &[&str], name: &str) -> Option<Result<usize, ()>> {
    if let Some(exact) = names.iter().position(|found| *found == name) {
        return Some(Ok(exact));
    }
    let mut alike = (0..names.len()).filter(|number| names[*number].eq_ignore_ascii_case(name));
    let first = alike.next()?;
    Some(if alike.next().is_some() { Err(()) } else { Ok(first) })
}

/// A value for all rows, as an array of one.
fn one_value(column: &Column, tree: &Tree, text: Option<&str>) -> (ArrayRef, Option<Bad>) {
    if !matches!(tree.node, Node::Text(_)) {
        return (new_null_array(&tree.data_type, 1), None);
    }
    let mut values = Values::new(&column.parser, 1, 16);
    let why = values.push(text, Nulls::DEFAULT, &column.reading).err();
    (values.finish(&column.field()), why)
}

/// Puts the default where the file gives null; refuses null where there must be none.
fn completed(array: ArrayRef, column: &Column, tree: &Tree, bad: &mut BadRows) -> Result<ArrayRef, ArrowError> {
    if array.null_count() == 0 {
        return Ok(array);
    }
    let mut refused = vec![false; array.len()];
    bad.iter().for_each(|(row, _)| refused[*row] = true);
    if column.declared.default.is_some() {
        let (default, _) = one_value(column, tree, None);
        let filled = BooleanArray::from_iter((0..array.len()).map(|row| Some(array.is_null(row) && !refused[row])));
        let default = arrow::array::Scalar::new(default);
        return arrow::compute::kernels::zip::zip(&filled, &default, &array);
    }
    if !column.reading.nullable {
        let nulls = (0..array.len()).filter(|row| array.is_null(*row) && !refused[*row]);
        bad.extend(nulls.map(|row| (row, Bad::Null)));
    }
    Ok(array)
}

/// The columns that files have and the contract has not, each once, with the type of the first file that has it.
pub(crate) fn added<'a>(
    mappings: impl IntoIterator<Item = (&'a Entry, &'a Mapping)>,
    format: &FileFormat,
) -> Result<Vec<(Field, Tree)>, Vec<SchemaProblem>> {
    let (mut added, mut problems): (Vec<(Field, Tree)>, Vec<SchemaProblem>) = (Vec::new(), Vec::new());
    let mut last: Option<&Mapping> = None;
    for (entry, mapping) in mappings {
        // Thousands of files that are alike share one.
        if last.replace(mapping).is_some_and(|last| std::ptr::eq(last, mapping)) {
            continue;
        }
        for number in &mapping.extra {
            let field = mapping.schema.field(*number);
            let refuse = |declared: String| SchemaProblem {
                path: entry.name.clone(),
                line: 1,
                kind: SchemaProblemKind::Type {
                    column: field.name().clone(),
                    declared,
                    found: convert::spark_words(field.data_type()),
                },
            };
            if is_reserved(field.name()) || field.name().is_empty() {
                continue;
            }
            match added.iter().find(|(known, _)| known.name.eq_ignore_ascii_case(field.name())) {
                Some((_, tree)) => {
                    if convert::plan(field, tree, field.name(), Extra::LeftOut).is_err() {
                        problems.push(refuse(convert::spark_words(&tree.data_type)));
                    }
                }
                None => {
                    let found = field_type(field).map(|data_type| {
                        let location = Location::line(&entry.name, 1);
                        let column = ContractColumn::new(field.name(), data_type.clone(), location);
                        (Field::new(field.name(), data_type), Tree::of(column, format))
                    });
                    match found {
                        Some((field, Ok(tree))) => added.push((field, tree)),
                        _ => problems.push(refuse("a column of a table".to_owned())),
                    }
                }
            }
        }
    }
    if problems.is_empty() { Ok(added) } else { Err(problems) }
}

/// The mapping of another file, if this one's is the same.
pub(crate) fn shared(
    mapping: &Arc<Mapping>,
    schema: &SchemaRef,
    (one, other): (&Entry, &Entry),
) -> Option<Arc<Mapping>> {
    let keys = |entry: &Entry| entry.partitions.iter().map(|(key, _)| key.clone()).collect::<Vec<_>>();
    (mapping.schema == *schema && keys(one) == keys(other)).then(|| Arc::clone(mapping))
}
