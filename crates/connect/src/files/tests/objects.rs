//! Objects of a bucket in memory, whose answers fail, break off, come late, or are of another content.

use std::collections::VecDeque;
use std::fmt;
use std::ops::Range;
use std::sync::Mutex;
use std::time::Duration;

use futures::StreamExt;
use futures::stream::BoxStream;
use headwater_plan::Code;
use object_store::memory::InMemory;
use object_store::path::Path as ObjectPath;
use object_store::{
    CopyOptions, GetOptions, GetResult, GetResultPayload, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    ObjectStoreExt, PutMultipartOptions, PutOptions, PutPayload, PutResult, Result as StoreResult,
};
use tokio::runtime::Runtime;
use url::Url;

use super::super::stores::Retry;
use super::*;

/// What goes wrong with the next call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    Nothing,
    /// The store is busy.
    Busy,
    /// The body ends too early, and nobody says so.
    Cut,
    /// The body breaks off.
    Broken,
}

#[derive(Debug)]
struct Bucket {
    inner: Arc<InMemory>,
    faults: Mutex<VecDeque<Fault>>,
    /// The ranges that were asked for.
    asked: Mutex<Vec<Range<u64>>>,
}

impl Bucket {
    fn fault(&self) -> Fault {
        self.faults.lock().unwrap().pop_front().unwrap_or(Fault::Nothing)
    }
}

impl fmt::Display for Bucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("bucket")
    }
}

fn busy() -> object_store::Error {
    object_store::Error::Generic { store: "bucket", source: "503 SlowDown".into() }
}

#[async_trait::async_trait]
impl ObjectStore for Bucket {
    async fn put_opts(
        &self,
        location: &ObjectPath,
        payload: PutPayload,
        options: PutOptions,
    ) -> StoreResult<PutResult> {
        self.inner.put_opts(location, payload, options).await
    }

    async fn put_multipart_opts(
        &self,
        location: &ObjectPath,
        options: PutMultipartOptions,
    ) -> StoreResult<Box<dyn MultipartUpload>> {
        self.inner.put_multipart_opts(location, options).await
    }

    async fn get_opts(&self, location: &ObjectPath, options: GetOptions) -> StoreResult<GetResult> {
        let fault = if options.head { Fault::Nothing } else { self.fault() };
        if fault == Fault::Busy {
            return Err(busy());
        }
        let result = self.inner.get_opts(location, options).await?;
        self.asked.lock().unwrap().push(result.range.clone());
        if fault == Fault::Nothing {
            return Ok(result);
        }
        let (meta, range, attributes) = (result.meta.clone(), result.range.clone(), result.attributes.clone());
        let bytes = result.bytes().await?;
        let half = Ok(bytes.slice(..bytes.len() / 2));
        let parts = if fault == Fault::Cut { vec![half] } else { vec![half, Err(busy())] };
        let payload = GetResultPayload::Stream(futures::stream::iter(parts).boxed());
        Ok(GetResult { payload, meta, range, attributes })
    }

    fn delete_stream(
        &self,
        locations: BoxStream<'static, StoreResult<ObjectPath>>,
    ) -> BoxStream<'static, StoreResult<ObjectPath>> {
        self.inner.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&ObjectPath>) -> BoxStream<'static, StoreResult<ObjectMeta>> {
        if self.fault() == Fault::Nothing {
            return self.inner.list(prefix);
        }
        // A page comes, and the next does not.
        self.inner.list(prefix).take(1).chain(futures::stream::iter([Err(busy())])).boxed()
    }

    async fn list_with_delimiter(&self, prefix: Option<&ObjectPath>) -> StoreResult<ListResult> {
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &ObjectPath, to: &ObjectPath, options: CopyOptions) -> StoreResult<()> {
        self.inner.copy_opts(from, to, options).await
    }
}

#[derive(Debug)]
struct Memory(Arc<Bucket>);

impl Buckets for Memory {
    fn bucket(&self, url: &Url) -> Result<Arc<dyn ObjectStore>, Diagnostic> {
        match url.as_str() {
            "s3://data/" => Ok(Arc::clone(&self.0) as Arc<dyn ObjectStore>),
            other => Err(Diagnostic::error(Code::StorageDenied, format!("no bucket at `{other}`"))),
        }
    }
}

struct World {
    runtime: Runtime,
    bucket: Arc<Bucket>,
    stores: Stores,
}

impl World {
    fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let bucket = Arc::new(Bucket { inner: Arc::default(), faults: Mutex::default(), asked: Mutex::default() });
        let stores = Stores::new(Arc::new(Memory(Arc::clone(&bucket))), runtime.handle().clone());
        let quick = Retry { attempts: 9, first: Duration::from_millis(1), longest: Duration::from_millis(2) };
        Self { runtime, bucket, stores: stores.with_retry(quick) }
    }

    fn put(&self, key: &str, content: impl Into<Vec<u8>>) {
        let payload = PutPayload::from(content.into());
        self.runtime.block_on(self.bucket.inner.put(&ObjectPath::from(key), payload)).unwrap();
    }

    fn list(&self, pattern: &str) -> Vec<SourceFile> {
        self.runtime.block_on(list(&file_set(pattern), &self.stores)).unwrap()
    }

    fn keys(&self, pattern: &str) -> Vec<String> {
        self.list(pattern).into_iter().map(|file| file.path.strip_prefix("s3://data/").unwrap().to_owned()).collect()
    }

    fn fail(&self, faults: impl IntoIterator<Item = Fault>) {
        self.bucket.faults.lock().unwrap().extend(faults);
    }

    fn load(&self, files: Vec<SourceFile>, options: LoadOptions) -> Result<Loaded, FilesError> {
        drain(&Load::new(files, options, &self.stores)?)
    }
}

const COLUMNS: &[Declared<'_>] = &[("n", "bigint", &[])];

#[test]
fn keys_are_matched_as_paths_are() {
    let world = World::new();
    for key in ["in/b.csv", "in/a.csv", "in/.hidden.csv", "in/day=1/c.csv", "in/x.txt", "in/deep/er/d.csv", "out/e.csv"]
    {
        world.put(key, "n\n1\n");
    }
    assert_eq!(world.keys("s3://data/in/*.csv"), ["in/a.csv", "in/b.csv"]);
    assert_eq!(world.keys("s3://data/in/**/*.csv"), ["in/a.csv", "in/b.csv", "in/day=1/c.csv", "in/deep/er/d.csv"]);
    assert_eq!(world.keys("s3://data/*/[ab].csv"), ["in/a.csv", "in/b.csv"]);
    assert_eq!(world.keys("s3://data/in/a.csv"), ["in/a.csv"]);
    assert!(world.keys("s3://data/in/none.csv").is_empty() && world.keys("s3://data/no/*.csv").is_empty());
    // A folder is all that is in it.
    let all = ["in/a.csv", "in/b.csv", "in/day=1/c.csv", "in/deep/er/d.csv", "in/x.txt"];
    assert_eq!(world.keys("s3://data/in/"), all);
    assert_eq!(world.keys("s3://data/in"), all);
    assert_eq!(world.keys("s3://data/**/e.csv"), ["out/e.csv"]);
    assert_eq!(fixed_folder("s3://data/in/*.csv"), "s3://data/in");
    assert_eq!(fixed_folder("s3://data/*.csv"), "s3://data");
    assert_eq!(fixed_folder("s3://data"), "s3://data");
}

#[test]
fn folder_markers_are_no_files() {
    let world = World::new();
    world.put("in/day", "");
    world.put("in/day/a.csv", "n\n1\n");
    world.put("in/empty", "");
    assert_eq!(world.keys("s3://data/in/**/*"), ["in/day/a.csv", "in/empty"]);
}

#[test]
fn a_listing_that_breaks_off_begins_anew() {
    let world = World::new();
    (0..5).for_each(|n| world.put(&format!("in/{n}.csv"), "n\n1\n"));
    world.fail([Fault::Busy, Fault::Busy]);
    assert_eq!(world.keys("s3://data/in/*.csv").len(), 5);
    world.fail([Fault::Busy; 12]);
    let error = world.runtime.block_on(list(&file_set("s3://data/in/*.csv"), &world.stores)).unwrap_err();
    assert_eq!(error.diagnostic().code, Code::StorageUnavailable);
    assert!(error.diagnostic().retryable);
    insta::assert_snapshot!(told(error.diagnostics(), &tempfile::tempdir().unwrap()));
}

fn numbers(count: usize) -> String {
    let mut text = String::from("n\n");
    (0..count).for_each(|n| text += &format!("{n}\n"));
    text
}

#[test]
fn a_large_object_is_read_in_ranges_and_broken_ones_again() {
    let world = World::new();
    // Three ranges and a little.
    let text = numbers(3_600_000);
    assert!(text.len() > (24 << 20));
    world.put("in/large.csv", text.clone());
    let listed = world.list("s3://data/in/*.csv");
    use Fault::{Broken, Busy, Cut, Nothing};
    world.fail([Busy, Cut, Broken, Nothing, Cut, Busy, Nothing, Broken, Broken, Cut, Nothing]);
    let load = Load::new(listed, options(COLUMNS), &world.stores).unwrap();
    let (mut sum, mut records, mut bytes) = (0_u64, 0, 0);
    while let Some(block) = load.next_block().unwrap() {
        let decoded = load.decode(block).unwrap();
        for batch in &decoded.batches {
            let numbers = batch.column(0).as_primitive::<arrow::array::types::Int64Type>();
            sum += numbers.values().iter().map(|n| *n as u64).sum::<u64>();
        }
        (records, bytes) = (records + decoded.records, bytes + decoded.bytes);
    }
    assert_eq!((records, bytes, sum), (3_600_000, text.len() as u64, 3_599_999 * 3_600_000 / 2));
    let longest = world.bucket.asked.lock().unwrap().iter().map(|range| range.end - range.start).max();
    assert_eq!(longest, Some(8 << 20));
}

#[test]
fn many_small_objects_keep_their_order() {
    let world = World::new();
    (0..200).for_each(|n| world.put(&format!("in/{n:04}.csv"), format!("n\n{n}\n")));
    world.fail((0..300).map(|n| match n % 7 {
        0 => Fault::Busy,
        3 => Fault::Cut,
        5 => Fault::Broken,
        _ => Fault::Nothing,
    }));
    let listed = {
        world.bucket.faults.lock().unwrap().push_front(Fault::Nothing);
        world.list("s3://data/in/*.csv")
    };
    let loaded = world.load(listed, options(COLUMNS)).unwrap();
    assert!(loaded.rows.iter().enumerate().all(|(n, row)| row[0] == Some(n.to_string())));
    assert_eq!(loaded.records, 200);
}

#[test]
fn a_store_that_never_answers_stops_the_load_by_name() {
    let world = World::new();
    world.put("in/a.csv", numbers(10));
    let listed = world.list("s3://data/in/*.csv");
    world.fail([Fault::Busy; 50]);
    let error = world.load(listed, options(COLUMNS)).unwrap_err();
    assert_eq!(error.diagnostic().code, Code::StorageUnavailable);
    assert_eq!(error.to_string(), "cannot read `s3://data/in/a.csv`, tried 9 times");
}

#[test]
fn an_object_that_changes_is_never_read_in_parts_of_both() {
    let world = World::new();
    world.put("in/a.csv", numbers(2_000_000));
    let listed = world.list("s3://data/in/*.csv");
    let load = Load::new(listed.clone(), options(COLUMNS), &world.stores).unwrap();
    // Of the same size, so that only the tag tells.
    world.put("in/a.csv", numbers(2_000_000).replace('1', "2"));
    let error = drain(&load).unwrap_err();
    assert!(matches!(error, FilesError::Changed { .. }), "{error}");
    assert_eq!(error.diagnostic().code, Code::FileChanged);
    assert!(matches!(load.next_block(), Err(FilesError::Stopped)));
    // Before the load, too.
    assert!(matches!(Load::new(listed, options(COLUMNS), &world.stores).unwrap_err(), FilesError::Changed { .. }));
}

#[test]
fn an_object_that_is_gone_is_named() {
    let world = World::new();
    world.put("in/a.csv", numbers(10));
    let listed = world.list("s3://data/in/*.csv");
    world.runtime.block_on(world.bucket.inner.delete(&ObjectPath::from("in/a.csv"))).unwrap();
    let error = world.load(listed, options(COLUMNS)).unwrap_err();
    assert_eq!(error.diagnostic().code, Code::StorageDenied);
    assert!(error.to_string().contains("s3://data/in/a.csv"), "{error}");
}

#[test]
fn packed_objects_and_archives_need_no_file_of_their_own() {
    use std::io::Write;
    let world = World::new();
    let text = numbers(200_000);
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packer.write_all(text.as_bytes()).unwrap();
    world.put("in/a.csv.gz", packer.finish().unwrap());
    let mut archive = ::zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for name in ["x.csv", "y/z.csv"] {
        archive.start_file(name, ::zip::write::SimpleFileOptions::default()).unwrap();
        archive.write_all(text.as_bytes()).unwrap();
    }
    world.put("in/b.zip", archive.finish().unwrap().into_inner());
    let listed = world.list("s3://data/in/*");
    world.fail((0..40).map(|n| if n % 3 == 0 { Fault::Broken } else { Fault::Nothing }));
    let loaded = world.load(listed, options(COLUMNS)).unwrap();
    assert_eq!(loaded.records, 600_000);
}

#[test]
fn archives_and_deletions_of_objects() {
    let world = World::new();
    world.put("in/2024/a.csv", numbers(3));
    let file = world.list("s3://data/in/**/*.csv").remove(0);
    let set = file_set("s3://data/in/**/*.csv");
    let archived = |to: &str| world.runtime.block_on(archive(&file, &set, to, &world.stores));
    // After a crash behind the copy.
    world.runtime.block_on(copy(&file, &set, "s3://data/done", &world.stores)).unwrap();
    assert_eq!(archived("s3://data/done").unwrap().as_deref(), Some("s3://data/done/2024/a.csv"));
    assert_eq!(world.keys("s3://data/**/*.csv"), ["done/2024/a.csv"]);
    assert_eq!(archived("s3://data/done").unwrap(), None);
    // Another object of the name is left alone, and so is one that stands in the archive already.
    world.put("in/2024/a.csv", numbers(4));
    assert_eq!(archived("s3://data/done").unwrap(), None);
    let again = world.list("s3://data/in/**/*.csv").remove(0);
    let error = world.runtime.block_on(archive(&again, &set, "s3://data/done", &world.stores)).unwrap_err();
    assert_eq!(error.diagnostic().code, Code::AfterLoadFailed);
    for elsewhere in ["s3://other/done", "/tmp/done", "s3://data/in/done"] {
        assert!(world.runtime.block_on(archive(&again, &set, elsewhere, &world.stores)).is_err(), "{elsewhere}");
    }
    assert!(!world.runtime.block_on(delete(&file, &world.stores)).unwrap());
    assert!(world.runtime.block_on(delete(&again, &world.stores)).unwrap());
    assert!(!world.runtime.block_on(delete(&again, &world.stores)).unwrap());
    assert_eq!(world.keys("s3://data/**/*.csv"), ["done/2024/a.csv"]);
}

#[test]
fn places_that_nobody_opens() {
    let world = World::new();
    let mut text = String::new();
    for pattern in ["s3://other/*.csv", "s3://data/a//b.csv"] {
        let error = world.runtime.block_on(list(&file_set(pattern), &world.stores)).unwrap_err();
        text += &told(error.diagnostics(), &tempfile::tempdir().unwrap());
    }
    let error = world.runtime.block_on(list(&file_set("s3://data/*.csv"), &Stores::local())).unwrap_err();
    text += &told(error.diagnostics(), &tempfile::tempdir().unwrap());
    insta::assert_snapshot!(text);
}
