//! What files looked like when they were read, so that the next check knows without reading them that they are the same.
//!
//! The risk is a file that is written twice within one tick of the file system's clock: both look the same. So a file that
//! was changed a moment before it was looked at keeps a hash of its content beside its looks, and is read again.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::fs::{self, Metadata};
use std::hash::{DefaultHasher, Hasher};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::bytes::{Reader, Writer};
use crate::parallel;

/// For so long after a change, in nanoseconds, a file may change again and look the same. File systems count in
/// nanoseconds to seconds, some in two.
const SETTLES: i64 = 2_500_000_000;

/// What a file looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Looks {
    size: u64,
    /// When its content was changed, in nanoseconds.
    modified: i64,
    /// When anything of it was changed, which nobody can set.
    changed: i64,
    number: u64,
}

/// What is known of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Seen {
    /// It is not there.
    Absent,
    /// It looks like that, and will look different as soon as it is changed.
    Settled(Looks),
    /// It looks like that, may change and look the same, and this is a hash of its content.
    Fresh(Looks, u64),
}

/// All files that were read, in the order of their paths.
pub(super) type Stamps = Vec<(PathBuf, Seen)>;

/// What became of the files since.
pub(super) struct Since {
    pub(super) stamps: Stamps,
    /// Those that were there and may be other than they were.
    pub(super) modified: Vec<PathBuf>,
    /// Whether files came or went.
    pub(super) others: bool,
    /// Whether more is known than before of a file that is the same.
    pub(super) more: bool,
}

/// Looks at files; `None` if one of them cannot be looked at. `now` is before any of that, in nanoseconds.
pub(super) fn look(dir: &Path, paths: &[PathBuf], now: i64) -> Option<Stamps> {
    let seen = parallel::map(paths, |path| seen(&dir.join(path), now, None));
    paths.iter().zip(seen).map(|(path, seen)| Some((path.clone(), seen?))).collect()
}

/// In the order of their paths, each once, the first that was seen of it.
pub(super) fn sorted(mut stamps: Stamps) -> Stamps {
    // As text, which is much faster than part by part.
    stamps.sort_by(|a, b| a.0.as_os_str().cmp(b.0.as_os_str()));
    stamps.dedup_by(|later, first| later.0.as_os_str() == first.0.as_os_str());
    stamps
}

/// Looks at files again.
pub(super) fn since(dir: &Path, paths: &[PathBuf], before: &Stamps, now: i64) -> Option<Since> {
    let known: HashMap<&OsStr, &Seen> = before.iter().map(|(path, seen)| (path.as_os_str(), seen)).collect();
    let seen = parallel::map(paths, |path| seen(&dir.join(path), now, known.get(path.as_os_str()).copied()));
    let stamps: Option<Stamps> = paths.iter().zip(seen).map(|(path, seen)| Some((path.clone(), seen?))).collect();
    let stamps = sorted(stamps?);
    let mut since = Since { others: stamps.len() != before.len(), stamps, modified: Vec::new(), more: false };
    for ((path, now), (earlier, then)) in since.stamps.iter().zip(before) {
        match (then, now) {
            _ if path.as_os_str() != earlier.as_os_str() => since.others = true,
            (then, now) if then == now => {}
            (Seen::Absent, _) | (_, Seen::Absent) => since.others = true,
            (Seen::Fresh(then, _), Seen::Settled(now)) if then == now => since.more = true,
            _ => since.modified.push(path.clone()),
        }
    }
    Some(since)
}

/// What is to be known of a file, of which `before` is known. One whose content is no longer what it was is never
/// settled with the looks that it had.
fn seen(path: &Path, now: i64, before: Option<&Seen>) -> Option<Seen> {
    let looks = match fs::metadata(path) {
        Ok(metadata) => looks(&metadata)?,
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            return Some(Seen::Absent);
        }
        Err(_) => return None,
    };
    let settled = looks.modified.max(looks.changed).saturating_add(SETTLES) < now;
    match before {
        Some(Seen::Settled(known)) if *known == looks => Some(Seen::Settled(looks)),
        Some(Seen::Fresh(known, hash)) if *known == looks => match hashed(path)? {
            same if same == *hash && settled => Some(Seen::Settled(looks)),
            other => Some(Seen::Fresh(looks, other)),
        },
        _ if settled => Some(Seen::Settled(looks)),
        _ => Some(Seen::Fresh(looks, hashed(path)?)),
    }
}

#[cfg(unix)]
fn looks(metadata: &Metadata) -> Option<Looks> {
    use std::os::unix::fs::MetadataExt;
    let instant = |seconds: i64, nanoseconds: i64| seconds.checked_mul(1_000_000_000)?.checked_add(nanoseconds);
    Some(Looks {
        size: metadata.len(),
        modified: instant(metadata.mtime(), metadata.mtime_nsec())?,
        changed: instant(metadata.ctime(), metadata.ctime_nsec())?,
        number: metadata.ino(),
    })
}

#[cfg(not(unix))]
fn looks(metadata: &Metadata) -> Option<Looks> {
    let modified = metadata.modified().ok()?.duration_since(std::time::UNIX_EPOCH).ok()?;
    let modified = i64::try_from(modified.as_nanos()).ok()?;
    Some(Looks { size: metadata.len(), modified, changed: modified, number: 0 })
}

fn hashed(path: &Path) -> Option<u64> {
    fs::read(path).ok().map(|content| hash(&content))
}

/// A hash for what happens by itself, not for what somebody makes.
pub(super) fn hash(bytes: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    hasher.write(bytes);
    hasher.finish()
}

impl Looks {
    fn write(self, to: &mut Writer) {
        to.number(self.size);
        to.fixed(self.modified.cast_unsigned());
        to.fixed(self.changed.cast_unsigned());
        to.number(self.number);
    }

    fn read(from: &mut Reader<'_>) -> Option<Self> {
        Some(Self {
            size: from.number()?,
            modified: from.fixed()?.cast_signed(),
            changed: from.fixed()?.cast_signed(),
            number: from.number()?,
        })
    }
}

/// Writes stamps; `false` if a path is no text.
pub(super) fn write(stamps: &Stamps, to: &mut Writer) -> bool {
    let mut whole = true;
    to.list(stamps, |to, (path, seen)| {
        whole &= to.path(path);
        match seen {
            Seen::Absent => to.byte(0),
            Seen::Settled(looks) => {
                to.byte(1);
                looks.write(to);
            }
            Seen::Fresh(looks, hash) => {
                to.byte(2);
                looks.write(to);
                to.fixed(*hash);
            }
        }
    });
    whole
}

pub(super) fn read(from: &mut Reader<'_>) -> Option<Stamps> {
    from.list(|from| {
        let path = from.path()?;
        let seen = match from.byte()? {
            0 => Seen::Absent,
            1 => Seen::Settled(Looks::read(from)?),
            2 => Seen::Fresh(Looks::read(from)?, from.fixed()?),
            _ => return None,
        };
        Some((path, seen))
    })
}
