//! What becomes of a file once its rows are committed: it is moved below a folder, or removed.
//!
//! Risk: this is the only place that removes what the user gave us. So each step may be repeated after a crash at any
//! point, a file is removed only while it is the one that was loaded, and an archived file is copied whole before the
//! first one goes. A file that is gone was dealt with before.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use headwater_plan::FileSet;
use object_store::{CopyMode, CopyOptions, ObjectStoreExt};

use super::list::{MATCHING, fixed_folder, object_tag};
use super::open::{object_of, open_unchanged};
use super::stores::{Address, Object};
use super::{FilesError, SourceFile, Stores};

/// Moves a file below a folder, or another prefix of its bucket; its path below the fixed part of the pattern stays. The
/// same as [`copy`] and then [`delete`]. Answers where it is now; `None` if the file was gone or is another by now, and
/// nothing was done.
///
/// # Errors
/// The file cannot be copied or removed; the place holds something else.
pub async fn archive(
    file: &SourceFile,
    set: &FileSet,
    to: &str,
    stores: &Stores,
) -> Result<Option<String>, FilesError> {
    let place = copy(file, set, to, stores).await?;
    if place.is_some() {
        delete(file, stores).await?;
    }
    Ok(place)
}

/// The first half of [`archive`]: the file is in both places. Answers where the copy is; `None` if the file was gone or is
/// another by now.
///
/// # Errors
/// The file cannot be copied; the place holds something else, or the pattern matches it, too.
pub async fn copy(file: &SourceFile, set: &FileSet, to: &str, stores: &Stores) -> Result<Option<String>, FilesError> {
    let place = place(&file.path, &fixed_folder(&set.pattern), to);
    let refused = |why| Err(failed(format!("archive to `{place}`"), &file.path, other(why)));
    if glob::Pattern::new(&set.pattern).is_ok_and(|pattern| pattern.matches_with(&place, MATCHING)) {
        return refused("the pattern matches this place, too: it would be loaded again from there");
    }
    match (object_of(&file.path, stores)?, Address::parse(&place)) {
        (Some(object), Some(address)) => copy_object(file, &object, address).await,
        (None, None) => {
            let (file, place) = (file.clone(), PathBuf::from(place));
            blocking(move || copy_local(&file, &place)).await
        }
        _ => refused("they are not in the same store"),
    }
}

/// Removes a file. Answers whether it did: not if the file was gone or is another by now.
///
/// # Errors
/// The file cannot be removed.
pub async fn delete(file: &SourceFile, stores: &Stores) -> Result<bool, FilesError> {
    match object_of(&file.path, stores)? {
        Some(object) => {
            let there = is_listed(&object, file).await?;
            if there {
                remove_object(&object).await?;
            }
            Ok(there)
        }
        None => {
            let file = file.clone();
            blocking(move || delete_local(&file)).await
        }
    }
}

/// Where a file goes: below `to`, by its path below `from`.
fn place(path: &str, from: &str, to: &str) -> String {
    let below = path.strip_prefix(from.trim_end_matches('/')).and_then(|rest| rest.strip_prefix('/'));
    let below = below.unwrap_or_else(|| path.rsplit_once('/').map_or(path, |(_, name)| name));
    format!("{}/{below}", to.trim_end_matches('/'))
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, FilesError> + Send + 'static,
) -> Result<T, FilesError> {
    tokio::task::spawn_blocking(work).await.map_err(FilesError::ListingDied)?
}

fn other(text: &str) -> io::Error {
    io::Error::other(text.to_owned())
}

fn failed(
    doing: impl Into<String>,
    path: &str,
    source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
) -> FilesError {
    FilesError::AfterLoad { doing: doing.into(), path: path.to_owned(), source: source.into() }
}

/// Whether the file is there and the one that was loaded.
fn is_unchanged(file: &SourceFile) -> Result<bool, FilesError> {
    match open_unchanged(file) {
        Ok(_) => Ok(true),
        Err(FilesError::Changed { .. }) => Ok(false),
        Err(FilesError::Unreadable { source, .. }) if source.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

fn delete_local(file: &SourceFile) -> Result<bool, FilesError> {
    if !is_unchanged(file)? {
        return Ok(false);
    }
    match std::fs::remove_file(&file.path) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(source) => Err(failed("delete", &file.path, source)),
    }
}

fn copy_local(file: &SourceFile, place: &Path) -> Result<Option<String>, FilesError> {
    let fail = |source: io::Error| failed(format!("archive to `{}`", place.display()), &file.path, source);
    if !is_unchanged(file)? {
        return Ok(None);
    }
    let folder = place.parent().unwrap_or(Path::new("/"));
    std::fs::create_dir_all(folder).map_err(fail)?;
    // A link makes the name only where there is none, and both names are the one file: a crash between the steps loses
    // nothing, and the next call sees that its own first step is done.
    match std::fs::hard_link(&file.path, place) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            if !same_content(Path::new(&file.path), place).map_err(fail)? {
                return Err(fail(other("there is another file already")));
            }
        }
        // Another file system, or one without links.
        Err(_) => copy_whole(Path::new(&file.path), place, folder).map_err(fail)?,
    }
    std::fs::File::open(folder).and_then(|folder| folder.sync_all()).map_err(fail)?;
    Ok(Some(place.display().to_string()))
}

/// Copies under another name, and gives it the right one when it is whole and on the disk.
fn copy_whole(from: &Path, to: &Path, folder: &Path) -> io::Result<()> {
    let mut whole = tempfile::NamedTempFile::new_in(folder)?;
    io::copy(&mut std::fs::File::open(from)?, &mut whole)?;
    whole.flush()?;
    whole.as_file().sync_all()?;
    match whole.persist_noclobber(to) {
        Ok(_) => Ok(()),
        Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists && same_content(from, to)? => Ok(()),
        Err(error) => Err(error.error),
    }
}

fn same_content(left: &Path, right: &Path) -> io::Result<bool> {
    let (mut left, mut right) = (std::fs::File::open(left)?, std::fs::File::open(right)?);
    if left.metadata()?.len() != right.metadata()?.len() {
        return Ok(false);
    }
    let (mut one, mut two) = (vec![0; 1 << 16], vec![0; 1 << 16]);
    loop {
        let read = io::Read::read(&mut left, &mut one)?;
        if read == 0 {
            return Ok(true);
        }
        io::Read::read_exact(&mut right, &mut two[..read])?;
        if one[..read] != two[..read] {
            return Ok(false);
        }
    }
}

/// Whether the object is there and the one that was loaded.
async fn is_listed(object: &Object, file: &SourceFile) -> Result<bool, FilesError> {
    match object.retried("look up", || object.store.head(&object.path)).await {
        Ok(now) => Ok(object_tag(&now) == file.tag && now.size == file.size),
        Err(FilesError::Store { source: object_store::Error::NotFound { .. }, .. }) => Ok(false),
        Err(error) => Err(error),
    }
}

async fn remove_object(object: &Object) -> Result<(), FilesError> {
    match object.retried("delete", || object.store.delete(&object.path)).await {
        Ok(()) | Err(FilesError::Store { source: object_store::Error::NotFound { .. }, .. }) => Ok(()),
        Err(error) => Err(error),
    }
}

/// An object is copied inside its bucket. The copy has no name for a part of itself, so it is whole once it is there; one
/// of the same size is the one that a call before this one made.
async fn copy_object(file: &SourceFile, object: &Object, address: Address<'_>) -> Result<Option<String>, FilesError> {
    let same =
        Address::parse(&file.path).is_some_and(|from| (from.scheme, from.bucket) == (address.scheme, address.bucket));
    let place = address.url(address.key);
    if !same {
        return Err(failed(format!("archive to `{place}`"), &file.path, other("it is another bucket")));
    }
    if !is_listed(object, file).await? {
        return Ok(None);
    }
    let target = object.sibling(address)?;
    let found = match target.retried("look up", || target.store.head(&target.path)).await {
        Ok(found) => Some(found),
        Err(FilesError::Store { source: object_store::Error::NotFound { .. }, .. }) => None,
        Err(error) => return Err(error),
    };
    match found {
        Some(found) if found.size == file.size && is_copy(object, &target).await? => {}
        Some(_) => {
            let source = other("there is another object already");
            return Err(failed(format!("archive to `{place}`"), &file.path, source));
        }
        None => {
            let options = || CopyOptions { mode: CopyMode::Overwrite, ..CopyOptions::default() };
            object.retried("archive", || object.store.copy_opts(&object.path, &target.path, options())).await?;
        }
    }
    Ok(Some(place))
}

/// Whether two objects of one size have one content.
async fn is_copy(object: &Object, target: &Object) -> Result<bool, FilesError> {
    const PART: u64 = 8 << 20;
    let size = object.retried("look up", || object.store.head(&object.path)).await?.size;
    let mut at = 0;
    while at < size {
        let range = at..size.min(at + PART);
        let one = object.retried("read", || object.store.get_range(&object.path, range.clone())).await?;
        let two = target.retried("read", || target.store.get_range(&target.path, range.clone())).await?;
        if one != two {
            return Ok(false);
        }
        at = range.end;
    }
    Ok(true)
}
