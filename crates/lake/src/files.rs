//! The data files of a table, one by one: what a change reads, and what it leaves alone.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Int32Array};
use arrow::compute::cast;
use arrow::datatypes::DataType as ArrowType;
use datafusion::catalog::TableProvider;
use datafusion::common::{DataFusionError, exec_err};
use datafusion::datasource::{ViewTable, provider_as_source};
use datafusion::logical_expr::{ColumnarValue, LogicalPlanBuilder, ScalarUDF, Volatility, create_udf, ident};
use deltalake_core::DeltaTableError;
use deltalake_core::delta_datafusion::DeltaScanNext;

use crate::relation::delta_error;
use crate::{LakeError, Table};

/// The column of [`Table::numbered_rows`] that says in which file a row lies.
pub const FILE_NUMBER: &str = "__headwater_file";
/// The same, as delta-rs has it.
const FILE_URL: &str = "__headwater_url";

/// A data file of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataFile {
    /// Where it lies below the table's folder.
    pub path: String,
    /// Its size in bytes.
    pub bytes: u64,
    /// Its rows; `None` if it does not say.
    pub rows: Option<u64>,
    /// The values of the table's partition columns in it, as Delta writes them.
    pub partition: BTreeMap<String, Option<String>>,
    /// When it was written, in milliseconds since 1970.
    pub modified: i64,
}

impl Table {
    /// Its files, by partition, the oldest first.
    pub fn data_files(&self) -> Vec<DataFile> {
        let file = |file: deltalake_core::kernel::LogicalFileView| DataFile {
            path: file.path().into_owned(),
            bytes: u64::try_from(file.size()).unwrap_or(0),
            rows: file.num_records().map(|rows| rows as u64),
            partition: file.partition_values_map().into_iter().collect(),
            modified: file.modification_time(),
        };
        let mut files: Vec<DataFile> = self.snapshot.log_data().iter().map(file).collect();
        files.sort_by(|one, other| {
            (&one.partition, one.modified, &one.path).cmp(&(&other.partition, other.modified, &other.path))
        });
        files
    }

    /// The rows of some of its files.
    pub async fn rows_of(&self, files: &[String]) -> Result<Arc<dyn TableProvider>, LakeError> {
        let scan = DeltaScanNext::builder()
            .with_log_store(self.log.clone())
            .with_eager_snapshot(self.snapshot.clone())
            .with_file_paths(files.iter().map(|path| url_path(path)))
            .build()
            .await;
        Ok(Arc::new(scan.map_err(|source| self.unscanned(source))?))
    }

    /// The rows of some of its files, each with the file's place in the list as column [`FILE_NUMBER`].
    pub async fn numbered_rows(&self, files: &[String]) -> Result<Arc<dyn TableProvider>, LakeError> {
        let scan = DeltaScanNext::builder()
            .with_log_store(self.log.clone())
            .with_eager_snapshot(self.snapshot.clone())
            .with_file_column(FILE_URL)
            .with_file_paths(files.iter().map(|path| url_path(path)))
            .build()
            .await
            .map_err(|source| self.unscanned(source))?;
        let root = self.log.root_url();
        let mut numbers = HashMap::with_capacity(files.len());
        for (number, path) in files.iter().enumerate() {
            let url = root.join(&url_path(path)).map_err(|error| {
                self.unscanned(DataFusionError::Execution(format!("the path `{path}` is none of a table: {error}")))
            })?;
            numbers.insert(url.to_string(), i32::try_from(number).unwrap_or(i32::MAX));
        }
        self.with_numbers(Arc::new(scan), numbers).map_err(|source| self.unscanned(source))
    }

    fn with_numbers(
        &self,
        scan: Arc<dyn TableProvider>,
        numbers: HashMap<String, i32>,
    ) -> Result<Arc<dyn TableProvider>, DataFusionError> {
        let url_type = scan.schema().field_with_name(FILE_URL)?.data_type().clone();
        let number = file_number(url_type, numbers).call(vec![ident(FILE_URL)]).alias(FILE_NUMBER);
        let columns: Vec<_> = self.schema().names().map(ident).chain([number]).collect();
        let plan = LogicalPlanBuilder::scan("files", provider_as_source(scan), None)?.project(columns)?.build()?;
        Ok(Arc::new(ViewTable::new(plan, None)))
    }

    fn unscanned(&self, source: DataFusionError) -> LakeError {
        delta_error("scan", self.name(), DeltaTableError::GenericError { source: Box::new(source) })
    }
}

/// The function from a file's URL to its place in a list. URLs come as dictionaries, so that each is looked up once.
fn file_number(url_type: ArrowType, numbers: HashMap<String, i32>) -> ScalarUDF {
    let number = move |arguments: &[ColumnarValue]| {
        let Some(urls) = arguments.first() else { return exec_err!("a file number is asked for without a file") };
        let urls = ColumnarValue::values_to_arrays(std::slice::from_ref(urls))?;
        let Some(urls) = urls.first() else { return exec_err!("a file number is asked for without a file") };
        Ok(ColumnarValue::Array(look_up(urls, &numbers)?))
    };
    create_udf("headwater_file_number", vec![url_type], ArrowType::Int32, Volatility::Immutable, Arc::new(number))
}

fn look_up(urls: &ArrayRef, numbers: &HashMap<String, i32>) -> Result<ArrayRef, DataFusionError> {
    let Some(dictionary) = urls.as_any_dictionary_opt() else {
        let texts = cast(urls, &ArrowType::Utf8)?;
        return Ok(Arc::new(numbers_of(&texts, numbers)?));
    };
    let texts = cast(dictionary.values(), &ArrowType::Utf8)?;
    let keys = cast(dictionary.keys(), &ArrowType::Int32)?;
    Ok(arrow::compute::take(&numbers_of(&texts, numbers)?, &keys, None)?)
}

fn numbers_of(urls: &ArrayRef, numbers: &HashMap<String, i32>) -> Result<Int32Array, DataFusionError> {
    let number = |url: Option<&str>| match url.map(|url| numbers.get(url)) {
        None => Ok(None),
        Some(Some(number)) => Ok(Some(*number)),
        Some(None) => exec_err!("a row lies in the file `{}`, which was not asked for", url.unwrap_or_default()),
    };
    urls.as_string::<i32>().iter().map(number).collect()
}

/// A path as the scan wants it: as it is in a URL.
fn url_path(path: &str) -> String {
    let mut url = String::with_capacity(path.len());
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_./=~!$&'()+,;:@".contains(&byte) {
            url.push(char::from(byte));
        } else {
            url.push_str(&format!("%{byte:02X}"));
        }
    }
    url
}
