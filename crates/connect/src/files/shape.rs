//! The batches that every format makes: the contract's columns, `_rescued_data`, the stamps, what was added.

use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::{
    Array, ArrayRef, BooleanArray, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray, new_null_array,
};
use arrow::compute::filter;
use arrow::datatypes::{DataType as ArrowType, Field, Schema, SchemaRef};
use arrow::error::ArrowError;
use headwater_plan::ingest::{Constraint, INGESTED_AT, RESCUED_DATA, RUN_ID, SOURCE_FILE, SOURCE_LINE};
use headwater_plan::{Code, Field as PlanField};

use super::contract::{arrow_type, timestamp_type};
use super::open::Entry;
use super::{BrokenRule, FilesError, LoadOptions, Reason, RowCheck};

/// What a batch looks like. Nothing in it changes but what is made once and sliced.
#[derive(Debug)]
pub(crate) struct Shape {
    pub(crate) schema: SchemaRef,
    /// The contract's columns alone, for the check.
    contract: SchemaRef,
    /// Whether there is `_rescued_data`.
    pub(crate) rescues: bool,
    /// The columns behind the stamps.
    pub(crate) added: Vec<PlanField>,
    constraints: Vec<Constraint>,
    check: Option<Arc<dyn RowCheck>>,
    stamp: Option<Stamp>,
}

#[derive(Debug)]
struct Stamp {
    ingested_at: i64,
    run_id: String,
    made: Mutex<Option<(ArrayRef, ArrayRef)>>,
}

/// The rows of a batch before the bad ones are taken out.
pub(crate) struct Rows {
    /// Those of the contract, in its order.
    pub(crate) columns: Vec<ArrayRef>,
    /// JSON objects; `None` is null throughout.
    pub(crate) rescued: Option<ArrayRef>,
    /// The line or the number of each row in its file.
    pub(crate) lines: Int64Array,
    /// The columns of [`Shape::added`].
    pub(crate) added: Vec<ArrayRef>,
}

impl Shape {
    pub(crate) fn new(options: &LoadOptions, added: Vec<PlanField>) -> Self {
        let field = |name: &str, data_type: ArrowType| Field::new(name, data_type, true);
        let columns = options.contract.columns.iter();
        let contract: Vec<Field> = columns.map(|column| field(&column.name, arrow_type(&column.data_type))).collect();
        let mut fields = contract.clone();
        if options.rescue {
            fields.push(field(RESCUED_DATA, ArrowType::Utf8));
        }
        if options.stamp {
            fields.push(field(SOURCE_FILE, ArrowType::Utf8));
            fields.push(field(SOURCE_LINE, ArrowType::Int64));
            fields.push(field(INGESTED_AT, timestamp_type()));
            fields.push(field(RUN_ID, ArrowType::Utf8));
        }
        fields.extend(added.iter().map(|added| field(&added.name, arrow_type(&added.data_type))));
        Self {
            schema: Arc::new(Schema::new(fields)),
            contract: Arc::new(Schema::new(contract)),
            rescues: options.rescue,
            added,
            constraints: options.contract.constraints.clone(),
            check: options.check.clone().filter(|_| !options.contract.constraints.is_empty()),
            stamp: options.stamp.then(|| Stamp {
                ingested_at: options.ingested_at.timestamp_micros(),
                run_id: options.run_id.clone(),
                made: Mutex::default(),
            }),
        }
    }

    /// Whether rows are held against rules.
    pub(crate) fn has_check(&self) -> bool {
        self.check.is_some()
    }

    /// The rules that rows break, given the contract's columns.
    pub(crate) fn broken(&self, columns: &[ArrayRef]) -> Result<Vec<BrokenRule>, ArrowError> {
        let rows = columns.first().map_or(0, |column| column.len());
        match &self.check {
            Some(check) if rows > 0 => {
                check.check(&RecordBatch::try_new(Arc::clone(&self.contract), columns.to_vec())?)
            }
            _ => Ok(Vec::new()),
        }
    }

    /// Why a row that breaks a rule is refused.
    pub(crate) fn broken_reason(&self, broken: &BrokenRule) -> Reason {
        let constraint = self.constraints.get(broken.constraint);
        let written = constraint.map_or("?", |constraint| constraint.written.as_str());
        let column = constraint.and_then(|constraint| constraint.column.clone());
        let message = match &column {
            Some(column) => format!("column `{column}` breaks the rule `{written}`"),
            None => format!("it breaks the rule `{written}`"),
        };
        Reason {
            code: Code::ConstraintViolated,
            column,
            column_number: 0,
            message,
            help: "correct the value, or change the rule and replay the quarantine".into(),
            span: (0, 1),
        }
    }

    /// The batch of the rows to keep; `None` if there are none.
    pub(crate) fn batch(
        &self,
        entry: &Entry,
        rows: Rows,
        keep: Option<&BooleanArray>,
    ) -> Result<Option<RecordBatch>, ArrowError> {
        let kept = |array: ArrayRef| match keep {
            Some(keep) => filter(&array, keep),
            None => Ok(array),
        };
        let lines = kept(Arc::new(rows.lines))?;
        let length = lines.len();
        if length == 0 {
            return Ok(None);
        }
        let mut arrays: Vec<ArrayRef> = rows.columns.into_iter().map(kept).collect::<Result<_, _>>()?;
        if self.rescues {
            arrays.push(rows.rescued.map_or_else(|| Ok(new_null_array(&ArrowType::Utf8, length)), kept)?);
        }
        if let Some(stamp) = &self.stamp {
            let (ingested_at, run_id) = stamp.arrays(length);
            arrays.push(entry.source_file(length));
            arrays.push(lines);
            arrays.push(ingested_at);
            arrays.push(run_id);
        }
        for added in rows.added {
            arrays.push(kept(added)?);
        }
        RecordBatch::try_new(Arc::clone(&self.schema), arrays).map(Some)
    }
}

impl Stamp {
    fn arrays(&self, length: usize) -> (ArrayRef, ArrayRef) {
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        let (ingested_at, run_id) = match made.take().filter(|(ingested_at, _)| ingested_at.len() >= length) {
            Some(arrays) => arrays,
            None => {
                let ingested_at = TimestampMicrosecondArray::from_value(self.ingested_at, length);
                (Arc::new(ingested_at.with_timezone("UTC")) as ArrayRef, repeated(&self.run_id, length))
            }
        };
        let sliced = (ingested_at.slice(0, length), run_id.slice(0, length));
        *made = Some((ingested_at, run_id));
        sliced
    }
}

impl Entry {
    /// `_source_file` of so many rows.
    fn source_file(&self, length: usize) -> ArrayRef {
        let mut made = self.source_file.lock().unwrap_or_else(PoisonError::into_inner);
        let array = made.take().filter(|array| array.len() >= length).unwrap_or_else(|| repeated(&self.name, length));
        let sliced = array.slice(0, length);
        *made = Some(array);
        sliced
    }
}

pub(crate) fn repeated(value: &str, length: usize) -> ArrayRef {
    Arc::new(StringArray::from_iter_values(std::iter::repeat_n(value, length)))
}

/// An Arrow error with the file that it came up in.
pub(crate) fn in_file(path: &str) -> impl FnOnce(ArrowError) -> FilesError + '_ {
    move |source| FilesError::Batch { path: path.to_owned(), source }
}
