//! A fixture: a header of `key: value` lines, a line `---`, and the content of a file.
//!
//! | key | value |
//! |---|---|
//! | `format` | `csv` (the default), `json`, `parquet`, `avro` |
//! | `options` | a JSON object of the format's options |
//! | `columns` | `name type` with a JSON object of further keys if need be, one column a line: `column: id int {"trim": true}` |
//! | `change` | `fail` (the default), `ignore`, `add_columns`, `rescue` |
//! | `path` | the file's path below the pattern's fixed folder |
//! | `pack` | `gzip`, `zstd`, `bzip2`, `zip`: the content is packed so |
//! | `compression` | what is stated of that: `auto` (the default), `none`, … |
//! | `cut` | so many bytes are cut from the end of what is written |
//! | `escapes` | `yes`: `\r`, `\n`, `\t`, `\0`, `\xNN`, `\u{N}` and `\\` in the content mean what they mean in Rust |
//! | `max_record` | the longest record, in bytes |

use std::io::Write;
use std::path::Path;

use headwater_connect::files::{Load, LoadOptions, SourceFile, Stores, list};
use headwater_plan::ingest::Ragged;
use headwater_plan::{
    Compression, Contract, ContractColumn, CsvOptions, DataType, FileFormat, FileSet, JsonOptions, Location,
    OnSchemaChange,
};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

pub(crate) struct Fixture {
    pub(crate) options: LoadOptions,
    pub(crate) max_record: usize,
    path: String,
    content: Vec<u8>,
}

/// A value with some of its keys replaced.
fn overlaid<T: Serialize + DeserializeOwned>(value: &T, keys: &str) -> T {
    let mut whole = serde_json::to_value(value).unwrap();
    let keys: Value = serde_json::from_str(keys).unwrap_or_else(|error| panic!("{keys}: {error}"));
    for (key, value) in keys.as_object().unwrap() {
        let known = whole.as_object_mut().unwrap().insert(key.clone(), value.clone());
        assert!(known.is_some(), "there is no key `{key}`");
    }
    serde_json::from_value(whole).unwrap()
}

fn column(written: &str) -> ContractColumn {
    let (declared, keys) = match written.find('{') {
        Some(at) => (written[..at].trim(), &written[at..]),
        None => (written, "{}"),
    };
    let (name, data_type) = declared.rsplit_once(' ').unwrap();
    let data_type = DataType::parse(data_type).unwrap();
    overlaid(&ContractColumn::new(name, data_type, Location::line("models/sources.yml", 1)), keys)
}

impl Fixture {
    pub(crate) fn read(path: &Path) -> Self {
        let whole = std::fs::read(path).unwrap();
        let end = whole.windows(5).position(|window| window == b"\n---\n").expect("a line `---`");
        let header = std::str::from_utf8(&whole[..end]).unwrap();
        let mut content = whole[end + 5..].to_vec();
        let all = |wanted: &str| -> Vec<&str> {
            let pairs = header.lines().map(|line| line.split_once(": ").unwrap_or_else(|| panic!("{path:?}: {line}")));
            pairs.filter(|(key, _)| *key == wanted).map(|(_, value)| value).collect()
        };
        let one = |wanted: &str| all(wanted).first().copied();
        let keys = one("options").unwrap_or("{}");
        let format = match one("format").unwrap_or("csv") {
            "csv" => FileFormat::Csv(overlaid(&CsvOptions::default(), keys)),
            "json" => FileFormat::Json(overlaid(&JsonOptions::default(), keys)),
            "parquet" => FileFormat::Parquet,
            "avro" => FileFormat::Avro,
            other => panic!("{path:?}: no format is called `{other}`"),
        };
        let on_schema_change: OnSchemaChange =
            serde_json::from_value(Value::from(one("change").unwrap_or("fail"))).unwrap();
        let ragged = matches!(&format, FileFormat::Csv(csv) if csv.ragged == Ragged::Rescue);
        let compression: Compression =
            serde_json::from_value(Value::from(one("compression").unwrap_or("auto"))).unwrap();
        if one("escapes").is_some() {
            content = unescaped(std::str::from_utf8(&content).unwrap());
        }
        content = packed(content, one("pack"));
        content.truncate(content.len() - one("cut").map_or(0, |cut| cut.parse().unwrap()));
        let columns = all("column").into_iter().map(column).collect();
        let options = LoadOptions {
            format,
            compression,
            contract: Contract { columns, constraints: Vec::new() },
            on_schema_change,
            ingested_at: "2024-05-06T07:08:09Z".parse().unwrap(),
            run_id: "run-1".into(),
            stamp: true,
            rescue: ragged || on_schema_change == OnSchemaChange::Rescue,
            root: None,
            check: None,
        };
        let max_record = one("max_record").map_or(64 << 20, |limit| limit.parse().unwrap());
        Self { options, max_record, path: one("path").unwrap_or("file").to_owned(), content }
    }

    /// Writes the file and lists it.
    pub(crate) fn written(&self, folder: &Path) -> SourceFile {
        let path = folder.join(&self.path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, &self.content).unwrap();
        let pattern = path.to_str().unwrap().to_owned();
        let set = FileSet { written: pattern.clone(), pattern, location: Location::line("models/sources.yml", 1) };
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(list(&set, &Stores::local())).unwrap().remove(0)
    }

    pub(crate) fn size(&self) -> u64 {
        self.content.len() as u64
    }

    pub(crate) fn load(&self, folder: &Path) -> Result<Load, headwater_connect::files::FilesError> {
        let options = LoadOptions { root: Some(folder.to_str().unwrap().to_owned()), ..self.options.clone() };
        Load::new(vec![self.written(folder)], options, &Stores::local())
    }
}

fn unescaped(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        let mut encoded = |letter: char| bytes.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes());
        match letter {
            '\\' => match letters.next().unwrap() {
                'r' => encoded('\r'),
                'n' => encoded('\n'),
                't' => encoded('\t'),
                '0' => encoded('\0'),
                '\\' => encoded('\\'),
                'x' => {
                    let digits: String = letters.by_ref().take(2).collect();
                    bytes.push(u8::from_str_radix(&digits, 16).unwrap());
                }
                'u' => {
                    let digits: String = letters.by_ref().skip(1).take_while(|letter| *letter != '}').collect();
                    encoded(char::from_u32(u32::from_str_radix(&digits, 16).unwrap()).unwrap());
                }
                other => panic!("no escape: \\{other}"),
            },
            letter => encoded(letter),
        }
    }
    bytes
}

fn packed(content: Vec<u8>, how: Option<&str>) -> Vec<u8> {
    match how {
        None => content,
        Some("gzip") => {
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
            encoder.write_all(&content).unwrap();
            encoder.finish().unwrap()
        }
        // Two members, one behind the other, cut anywhere.
        Some("gzip gzip") => {
            let (first, second) = content.split_at(content.len() / 2);
            [packed(first.to_vec(), Some("gzip")), packed(second.to_vec(), Some("gzip"))].concat()
        }
        Some("zstd") => zstd::encode_all(content.as_slice(), 0).unwrap(),
        Some("bzip2") => {
            let mut encoder = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::default());
            encoder.write_all(&content).unwrap();
            encoder.finish().unwrap()
        }
        // A line `=== name` begins a member.
        Some("zip") => {
            let mut archive = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
            let text = String::from_utf8(content).unwrap();
            for member in text.split("=== ").skip(1) {
                let (name, content) = member.split_once('\n').unwrap();
                archive.start_file(name, zip::write::SimpleFileOptions::default()).unwrap();
                archive.write_all(content.as_bytes()).unwrap();
            }
            archive.finish().unwrap().into_inner()
        }
        Some(other) => panic!("nothing packs as `{other}`"),
    }
}
