//! The files of a load, opened: from disk or a bucket, unpacked, an archive's members one after another. Whoever reads an
//! [`Input`] to its end has read the file that was listed, whole and undamaged, or has got an error.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use arrow::array::ArrayRef;
use headwater_plan::Compression;

use super::compression;
use super::input::{Input, Stored, UNPACKING};
use super::object::{Fetch, LOOK, ObjectReader, RANGE};
use super::partition::partitions;
use super::stores::{Address, Object};
use super::zip::{self, Member};
use super::{FilesError, SourceFile, Stores, list};

/// How many objects are looked at side by side.
const LOOKING: usize = 32;
/// How many objects are asked for before they are read, and how many bytes they may have together.
const AHEAD_OBJECTS: usize = 16;
const AHEAD_BYTES: u64 = 4 * RANGE;

/// The files of a load.
#[derive(Debug)]
pub(crate) struct Sources {
    files: Vec<Arc<SourceFile>>,
    compression: Compression,
    /// How each file is packed, once somebody looked.
    packing: Vec<OnceLock<Compression>>,
    root: Option<String>,
    stores: Stores,
    ahead: Mutex<VecDeque<(usize, Fetch)>>,
}

/// What is read as one file: a file, or one of those in an archive.
#[derive(Debug)]
pub(crate) struct Entry {
    /// The index in the files of the load.
    pub(crate) file: usize,
    pub(crate) listed: Arc<SourceFile>,
    /// What `_source_file` says: the path, and behind it for a member `/` and its name.
    pub(crate) name: String,
    /// The keys and values of the folders in its path.
    pub(crate) partitions: Vec<(String, Option<String>)>,
    member: Option<Member>,
    /// Stored bytes that no reading of this entry sees, and that it accounts for: an archive's directory.
    overhead: u64,
    /// The values of `_source_file`, made once, sliced for each batch.
    pub(crate) source_file: Mutex<Option<ArrayRef>>,
}

impl Entry {
    /// A file of which only the name is known: what comes back from quarantine is in memory.
    pub(crate) fn named(name: &str, root: Option<&str>) -> Arc<Self> {
        Arc::new(Self {
            file: 0,
            listed: Arc::new(SourceFile { path: name.to_owned(), size: 0, tag: String::new() }),
            name: name.to_owned(),
            partitions: partitions(name, root),
            member: None,
            overhead: 0,
            source_file: Mutex::default(),
        })
    }

    /// The bytes of the file, as stored, that the entry accounts for.
    pub(crate) fn stored_size(&self) -> u64 {
        self.member.as_ref().map_or(self.listed.size, |member| member.packed + self.overhead)
    }

    pub(crate) fn member(&self) -> Option<&Member> {
        self.member.as_ref()
    }

    pub(crate) fn overhead(&self) -> u64 {
        self.overhead
    }

    /// Whether it has not one byte.
    pub(crate) fn is_empty(&self) -> bool {
        self.member.as_ref().map_or(self.listed.size == 0, Member::is_empty)
    }

    /// The value of a folder in its path.
    pub(crate) fn partition(&self, key: &str) -> Option<&Option<String>> {
        self.partitions.iter().rev().find(|(name, _)| name.eq_ignore_ascii_case(key)).map(|(_, value)| value)
    }
}

impl Sources {
    pub(crate) fn new(
        files: Vec<SourceFile>,
        compression: Compression,
        root: Option<String>,
        stores: &Stores,
    ) -> Arc<Self> {
        let packing = files.iter().map(|_| OnceLock::new()).collect();
        let files = files.into_iter().map(Arc::new).collect();
        Arc::new(Self { files, compression, packing, root, stores: stores.clone(), ahead: Mutex::default() })
    }

    /// Opens every entry of every file once and hands it to `take`; the answers are in the order of the files. Objects are
    /// opened many at once. The first error ends it.
    pub(crate) fn look<T: Send>(
        &self,
        take: impl Fn(&Arc<Entry>, Input) -> Result<T, FilesError> + Sync,
    ) -> Result<Vec<T>, FilesError> {
        let remote = self.files.iter().any(|file| Address::parse(&file.path).is_some());
        let workers = if remote { LOOKING.min(self.files.len()) } else { 1 };
        let next = AtomicU64::new(0);
        let work = || {
            let mut found = Vec::new();
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed) as usize;
                if number >= self.files.len() {
                    return found;
                }
                let answers = self.look_at(number, &take);
                // The others stop at the next file.
                if answers.is_err() {
                    next.store(u64::MAX >> 1, Ordering::Relaxed);
                }
                found.push((number, answers));
            }
        };
        let mut found = if workers <= 1 {
            work()
        } else {
            std::thread::scope(|scope| {
                let threads: Vec<_> = (0..workers).map(|_| scope.spawn(work)).collect();
                let joined = threads.into_iter().map(|thread| match thread.join() {
                    Ok(found) => found,
                    Err(panic) => std::panic::resume_unwind(panic),
                });
                joined.flatten().collect()
            })
        };
        found.sort_by_key(|(number, _)| *number);
        let mut all = Vec::with_capacity(found.len());
        for (_, answers) in found {
            all.extend(answers?);
        }
        Ok(all)
    }

    fn look_at<T>(
        &self,
        number: usize,
        take: &impl Fn(&Arc<Entry>, Input) -> Result<T, FilesError>,
    ) -> Result<Vec<T>, FilesError> {
        let mut stored = self.stored(number, LOOK, None)?;
        if self.packing_of(number, &mut stored)? != Compression::Zip {
            let entry = self.entry(number, None, 0);
            let input = self.input(&entry, stored)?;
            return Ok(vec![take(&entry, input)?]);
        }
        let listed = Arc::clone(&self.files[number]);
        let members = zip::members(stored, &listed)?;
        let mut overhead = listed.size.saturating_sub(members.iter().map(|member| member.packed).sum());
        let mut answers = Vec::with_capacity(members.len());
        for member in members {
            let entry = self.entry(number, Some(member), std::mem::take(&mut overhead));
            let input = self.input(&entry, self.stored(number, LOOK, None)?)?;
            answers.push(take(&entry, input)?);
        }
        Ok(answers)
    }

    fn entry(&self, file: usize, member: Option<Member>, overhead: u64) -> Arc<Entry> {
        let listed = Arc::clone(&self.files[file]);
        let name =
            member.as_ref().map_or_else(|| listed.path.clone(), |member| format!("{}/{}", listed.path, member.name));
        let partitions = partitions(&name, self.root.as_deref());
        Arc::new(Entry { file, listed, name, partitions, member, overhead, source_file: Mutex::default() })
    }

    /// Opens an entry to be read from its beginning to its end. Objects that come next are asked for already.
    pub(crate) fn open(&self, entry: &Arc<Entry>) -> Result<Input, FilesError> {
        let begun = self.look_ahead(entry)?;
        let stored = self.stored(entry.file, RANGE, begun)?;
        self.input(entry, stored)
    }

    /// The first range of this entry, if it was asked for, and those of the objects behind it from now on.
    fn look_ahead(&self, entry: &Entry) -> Result<Option<Fetch>, FilesError> {
        let mut ahead = self.ahead.lock().unwrap_or_else(PoisonError::into_inner);
        while ahead.front().is_some_and(|(number, _)| *number < entry.file) {
            ahead.pop_front();
        }
        let begun = match ahead.front() {
            Some((number, _)) if *number == entry.file => ahead.pop_front(),
            _ => None,
        };
        let mut next = ahead.back().map_or(entry.file, |(number, _)| *number) + 1;
        let waiting =
            |ahead: &VecDeque<(usize, Fetch)>| ahead.iter().map(|(n, _)| self.files[*n].size.min(RANGE)).sum::<u64>();
        while next < self.files.len() && ahead.len() < AHEAD_OBJECTS && waiting(&ahead) < AHEAD_BYTES {
            let listed = &self.files[next];
            let Some(address) = Address::parse(&listed.path) else { break };
            // The members of an archive lie anywhere in it.
            if listed.size > 0 && self.packing[next].get() != Some(&Compression::Zip) {
                let object = self.stores.object(address)?;
                ahead.push_back((next, Fetch::start(&object, listed, 0, RANGE)));
            }
            next += 1;
        }
        Ok(begun.map(|(_, fetch)| fetch))
    }

    fn stored(&self, number: usize, first: u64, begun: Option<Fetch>) -> Result<Stored, FilesError> {
        let listed = Arc::clone(&self.files[number]);
        let Some(address) = Address::parse(&listed.path) else {
            return Ok(Stored::local(open_unchanged(&listed)?, listed));
        };
        let reader = ObjectReader::new(self.stores.object(address)?, Arc::clone(&listed), first, begun);
        Ok(Stored::object(reader, listed))
    }

    /// How a file is packed; `stored` is at its beginning and stays there.
    fn packing_of(&self, number: usize, stored: &mut Stored) -> Result<Compression, FilesError> {
        let packing = &self.packing[number];
        if let Some(known) = packing.get() {
            return Ok(*known);
        }
        // Nothing is nothing, however it is packed.
        let found = match self.compression {
            _ if self.files[number].size == 0 => Compression::None,
            Compression::Auto => compression::detect(&stored.peek()?),
            told => told,
        };
        Ok(*packing.get_or_init(|| found))
    }

    fn input(&self, entry: &Arc<Entry>, mut stored: Stored) -> Result<Input, FilesError> {
        let packing = self.packing_of(entry.file, &mut stored)?;
        Input::new(entry, stored, packing)
    }

    /// An entry as a file that can be sought: itself if it is one, else written to a temporary file that has no name.
    pub(crate) fn seekable(&self, entry: &Arc<Entry>) -> Result<File, FilesError> {
        let packing = self.packing[entry.file].get().copied().unwrap_or(Compression::Auto);
        if packing == Compression::None && Address::parse(&entry.listed.path).is_none() {
            return open_unchanged(&entry.listed);
        }
        let mut input = self.open(entry)?;
        let unwritten = |source| FilesError::Spool { path: entry.name.clone(), source };
        let mut file = tempfile::tempfile().map_err(unwritten)?;
        let mut buffer = vec![0; UNPACKING];
        loop {
            let read = input.read(&mut buffer).map_err(|source| FilesError::of_io(&entry.name, source))?;
            if read == 0 {
                break;
            }
            io::Write::write_all(&mut file, &buffer[..read]).map_err(unwritten)?;
        }
        file.seek(SeekFrom::Start(0)).map_err(unwritten)?;
        Ok(file)
    }

    /// An object or a file as it is stored, to be sought in: for what only a part of is read.
    pub(crate) fn peek_into(&self, entry: &Entry) -> Result<Option<Stored>, FilesError> {
        let packing = self.packing[entry.file].get().copied();
        if entry.member.is_some() || packing != Some(Compression::None) {
            return Ok(None);
        }
        self.stored(entry.file, LOOK, None).map(Some)
    }
}

/// Opens a local file and checks that it is the one that was listed.
pub(crate) fn open_unchanged(listed: &SourceFile) -> Result<File, FilesError> {
    let unreadable = |source| FilesError::Unreadable { path: listed.path.clone(), source };
    let file = File::open(&listed.path).map_err(unreadable)?;
    let metadata = file.metadata().map_err(unreadable)?;
    let tag = list::tag(&metadata).map_err(unreadable)?;
    if metadata.len() != listed.size || tag != listed.tag {
        return Err(FilesError::Changed { listed: listed.clone(), size: metadata.len(), tag: Some(tag) });
    }
    Ok(file)
}

/// An object of a listed file, for those who act on it.
pub(crate) fn object_of(path: &str, stores: &Stores) -> Result<Option<Object>, FilesError> {
    Address::parse(path).map(|address| stores.object(address)).transpose()
}
