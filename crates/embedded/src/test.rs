//! A query that should find nothing. What it finds is counted, and the first rows are shown.

use arrow::array::RecordBatch;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use datafusion::error::DataFusionError;
use headwater_plan::{Code, Diagnostic, Fault, Node, RowCounts, Severity, StepContext, StepReport, Test};

use crate::EmbeddedEngine;
use crate::error::EmbeddedError;
use crate::inputs::Inputs;
use crate::rows::{next, side_by_side};

/// How many of the rows that a test finds are shown.
const SAMPLE: usize = 5;
/// How many characters of a row are shown.
const SAMPLE_WIDTH: usize = 300;

pub(crate) async fn execute(
    engine: &EmbeddedEngine,
    node: &Node,
    test: &Test,
    context: &StepContext,
) -> Result<StepReport, EmbeddedError> {
    let session = engine.session()?;
    let mut inputs = Inputs::of(&engine.lake, &test.query.reads).await?;
    let typed = session.plan(&engine.lake, &test.query.sql, &mut inputs).await?;
    let execution = session.lower(&typed, &inputs).await?;
    let (cancel, memory_limit) = (context.cancel.clone(), session.memory_limit);
    let partitions = side_by_side(session, execution, |mut stream| {
        let cancel = cancel.clone();
        async move {
            let mut found = Found::default();
            while let Some(batch) = next(&mut stream, &cancel, memory_limit).await? {
                found.add(&batch).map_err(|source| EmbeddedError::Query { source, memory_limit })?;
            }
            Ok(found)
        }
    })
    .await?;
    let failures = partitions.iter().map(|found| found.rows).sum();
    // In the order of the partitions, so that the same rows are shown each time.
    let sample: Vec<String> = partitions.into_iter().flat_map(|found| found.sample).take(SAMPLE).collect();
    let mut report = StepReport {
        rows: RowCounts { read: inputs.rows(), ..RowCounts::default() },
        bytes: inputs.bytes(),
        failures: Some(failures),
        inputs: inputs.versions(),
        ..StepReport::default()
    };
    if failures > 0 {
        report.diagnostics.push(told(node, test, failures, sample));
    }
    Ok(report)
}

/// What a partition of the query gave.
#[derive(Default)]
struct Found {
    rows: u64,
    sample: Vec<String>,
}

impl Found {
    fn add(&mut self, batch: &RecordBatch) -> Result<(), DataFusionError> {
        self.rows += batch.num_rows() as u64;
        for row in 0..batch.num_rows().min(SAMPLE.saturating_sub(self.sample.len())) {
            self.sample.push(shown(batch, row)?);
        }
        Ok(())
    }
}

fn told(node: &Node, test: &Test, failures: u64, sample: Vec<String>) -> Diagnostic {
    let rows = if failures == 1 { "1 row".to_owned() } else { format!("{failures} rows") };
    let message = format!("test `{}` found {rows}", node.name);
    let mut diagnostic = match test.severity {
        Severity::Error => Diagnostic::error(Code::TestFailed, message),
        Severity::Warning => Diagnostic::warning(Code::TestFailed, message),
    }
    .fault(Fault::Check)
    .at(node.location.clone())
    .node(node.id.clone());
    let unshown = failures.saturating_sub(sample.len() as u64);
    diagnostic.causes = sample;
    if unshown > 0 {
        diagnostic.causes.push(format!("and {unshown} more"));
    }
    diagnostic
}

/// A row as `column = value, …`.
fn shown(batch: &RecordBatch, row: usize) -> Result<String, DataFusionError> {
    let options = FormatOptions::default().with_null("null");
    let mut cells = Vec::with_capacity(batch.num_columns());
    for (field, column) in batch.schema().fields().iter().zip(batch.columns()) {
        let formatter = ArrayFormatter::try_new(column.as_ref(), &options)?;
        cells.push(format!("{} = {}", field.name(), formatter.value(row).try_to_string()?));
    }
    let text = cells.join(", ");
    Ok(match text.char_indices().nth(SAMPLE_WIDTH) {
        Some((end, _)) => format!("{} …", text.get(..end).unwrap_or_default()),
        None => text,
    })
}
