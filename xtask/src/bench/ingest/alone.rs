//! What only Headwater does: dirty files beside clean ones, and ten thousand small files.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};

use super::super::ground::{Ground, empty};
use super::super::measured::Measured;
use super::{check, generate, headwater};
use crate::error::{TaskError, complain};

/// The rows of the clean and of the dirty file.
const ROWS: u64 = 5_000_000;
/// The share of dirty rows, as `generate --dirty` takes it. Not half of them break the contract (a reference to nothing, for
/// one, does not), so that one row in a hundred is set aside.
const DIRTY: &str = "0.023";
/// The small files.
const FILES: u64 = 10_000;
/// The rows of each: about 100 KB.
const ROWS_OF_FILE: u64 = 1_120;

/// What Headwater took.
pub(super) struct Alone {
    pub(super) clean: Vec<Measured>,
    pub(super) dirty: Vec<Measured>,
    /// Of the dirty file's rows, those that were set aside.
    pub(super) set_aside: u64,
    pub(super) small: Vec<Measured>,
    /// Bytes of all small files.
    pub(super) small_bytes: u64,
}

pub(super) fn measure(ground: &Ground, rounds: usize) -> Result<Alone, TaskError> {
    let mut alone = Alone { clean: Vec::new(), dirty: Vec::new(), set_aside: 0, small: Vec::new(), small_bytes: 0 };
    let clean = ground.work.join("clean");
    empty(&clean)?;
    move_file(&generate(ground, ROWS, &[])?, &clean)?;
    let dirty = ground.work.join("dirty");
    empty(&dirty)?;
    move_file(&generate(ground, ROWS, &["--dirty", DIRTY])?, &dirty)?;
    for round in 0..rounds {
        let (one, table) = headwater(ground, &clean)?;
        let rows = check(ground, &table)?.rows;
        complain(if rows == ROWS { Vec::new() } else { vec![format!("{rows} rows of {ROWS} were loaded")] })?;
        one.tell(round, "clean");
        alone.clean.push(one);
        let (one, table) = headwater(ground, &dirty)?;
        alone.set_aside = ROWS - check(ground, &table)?.rows;
        one.tell(round, "1 % dirty");
        alone.dirty.push(one);
    }
    let source = generate(ground, FILES * ROWS_OF_FILE, &[])?;
    let small = ground.work.join("small");
    empty(&small)?;
    alone.small_bytes = split(&source, &small)?;
    fs::remove_file(&source).map_err(TaskError::file("remove", &source))?;
    let (one, table) = headwater(ground, &small)?;
    let (rows, wanted) = (check(ground, &table)?.rows, FILES * ROWS_OF_FILE);
    complain(if rows == wanted { Vec::new() } else { vec![format!("{rows} rows of {wanted} were loaded")] })?;
    one.tell(0, "10,000 files");
    alone.small.push(one);
    Ok(alone)
}

fn move_file(file: &Path, folder: &Path) -> Result<(), TaskError> {
    let target = folder.join(file.file_name().unwrap_or_default());
    fs::rename(file, &target).map_err(TaskError::file("move", file))
}

/// Cuts a file of records without line breaks into many with the same header; their bytes.
fn split(source: &Path, folder: &Path) -> Result<u64, TaskError> {
    let input = File::open(source).map_err(TaskError::file("open", source))?;
    let mut lines = BufReader::new(input).split(b'\n');
    let failed = TaskError::file("read", source);
    let mut next = || lines.next().transpose();
    let header = next().map_err(failed)?.unwrap_or_default();
    let mut bytes = 0;
    for number in 0..FILES {
        let path: PathBuf = folder.join(format!("rental_transactions_{number:05}.csv"));
        let mut output = BufWriter::new(File::create_new(&path).map_err(TaskError::file("create", &path))?);
        let mut write = |line: &[u8]| {
            bytes += line.len() as u64 + 1;
            output.write_all(line).and_then(|()| output.write_all(b"\n")).map_err(TaskError::file("write", &path))
        };
        write(&header)?;
        for _ in 0..ROWS_OF_FILE {
            let Some(line) = next().map_err(TaskError::file("read", source))? else { break };
            write(&line)?;
        }
        output.flush().map_err(TaskError::file("write", &path))?;
    }
    Ok(bytes)
}
